-- Where the account of a township's relay was made, as the relay was told (host:port). Null: of before.
alter table township add column broker text;
