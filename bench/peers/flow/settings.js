// Node-RED without editor and web server routes: only the flow runs.
module.exports = {
  flowFile: "flows.json",
  credentialSecret: false,
  uiHost: "127.0.0.1",
  disableEditor: true,
  httpAdminRoot: false,
  httpNodeRoot: false,
  telemetry: { enabled: false, updateNotification: false },
  functionGlobalContext: { pg: require("pg") },
  logging: { console: { level: "warn", metrics: false, audit: false } },
};
