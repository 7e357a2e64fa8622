"""What the county's platforms are told and how it is written: CloudEvents, CAP. Pure but for `outbox`."""
