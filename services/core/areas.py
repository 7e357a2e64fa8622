"""Areas that a device names before anybody registered them."""

from typing import Final

from services.core.statements import load_queries

ADD_UNKNOWN: Final = load_queries(__file__)["add_unknown"]  # $1: their codes
