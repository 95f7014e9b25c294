using Workerd = import "/workerd/workerd.capnp";

# The same worker twice: without Node's modules, and with them.
const config :Workerd.Config = (
  services = [
    (name = "plain", worker = (modules = [(name = "worker", esModule = embed "out/worker.mjs")], compatibilityDate = "2025-06-01", globalOutbound = "net")),
    (name = "compat", worker = (modules = [(name = "worker", esModule = embed "out/worker.mjs")], compatibilityDate = "2025-06-01", compatibilityFlags = ["nodejs_compat"], globalOutbound = "net")),
    (name = "net", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [
    (name = "plain", http = (), service = "plain"),
    (name = "compat", http = (), service = "compat"),
  ]
);
