-- At which broker a device got its account last, for every further account.
create index audit_accounts on audit (target, at desc) where action = 'device.credentials';
