import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.topics import Channel, Kind, Topic, parse_topic, subscription

TOPICS = st.builds(
    Topic,
    area=st.from_regex(r"[0-9]{6,12}", fullmatch=True),
    kind=st.sampled_from(Kind),
    device=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    channel=st.sampled_from(Channel),
)


@given(TOPICS)
def test_a_topic_survives_writing_and_reading(topic):
    assert parse_topic(str(topic)) == topic
    assert str(topic).startswith(topic.base + "/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fire/v1/14093/hydrant/H1/up/telemetry",
        "fire/v1/1409311001234/hydrant/H1/up/telemetry",
        "fire/v1/140931/hydrants/H1/up/telemetry",
        "fire/v1/140931/hydrant//up/telemetry",
        "fire/v1/140931/hydrant/H.1/up/telemetry",
        "fire/v1/140931/hydrant/H1/up/telemetry/more",
        "fire/v1/140931/hydrant/H1/up/telemetry\n",
        "fire/v2/140931/hydrant/H1/up/telemetry",
        "fire/v1/١٤٠٩٣١/hydrant/H1/up/telemetry",
    ],
)
def test_what_is_not_ours_has_no_parts(text):
    assert parse_topic(text) is None


def test_subscriptions_name_one_channel_of_an_area_or_of_all():
    assert subscription(Channel.EVENT) == "fire/v1/+/+/+/up/event"
    assert subscription(Channel.STATUS, "140931100") == "fire/v1/140931100/+/+/up/status"
