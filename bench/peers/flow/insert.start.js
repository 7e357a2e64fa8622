const { Pool } = global.get("pg");
context.set("pool", new Pool({ connectionString: env.get("PEER_DATABASE_URL"), max: 4 }));
