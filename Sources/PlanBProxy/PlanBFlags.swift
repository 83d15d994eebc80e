package import ArgumentParser

/// The flags of PlanB, with their names, defaults and meanings, followed by those that PlanB does not have.
package struct PlanBFlags: ParsableArguments, Sendable {
    @Option(name: [.customShort("l"), .customLong("listen")], help: "Address of the plain listener; disabled means none.")
    package var listen = "0.0.0.0:8989"

    @Option(help: "Address of the TLS listener; none if not set.")
    package var tlsListen = ""

    @Option(help: "Versions and cipher suites of TLS: modern, intermediate or old.")
    package var tlsPreset = "modern"

    @Option(help: "Address of a separate plain HTTP server for /metrics; none if not set.")
    package var metricsAddress = ""

    @Option(help: "Where certificates are: redis, or a folder.")
    package var loadCertificatesFrom = "redis"

    @Option(help: "tcp or unix.")
    package var readRedisNetwork = "tcp"

    @Option(help: "Host of the Redis that is read; with unix the path of its socket.")
    package var readRedisHost = "127.0.0.1"

    @Option(help: "Its port; ignored with unix.")
    package var readRedisPort = 6379

    @Option(help: "Sentinels, as host:port separated by commas; host and port are ignored then.")
    package var readRedisSentinelAddrs = ""

    @Option(help: "Name of the master that the sentinels watch.")
    package var readRedisSentinelName = ""

    @Option(help: "Password; sent with AUTH when not empty. The environment variable PLANB_READ_REDIS_PASSWORD hides it from the list of processes.")
    package var readRedisPassword = ""

    @Option(help: "Number of the database.")
    package var readRedisDb = 0

    @Option(help: "tcp or unix.")
    package var writeRedisNetwork = "tcp"

    @Option(help: "Host of the Redis that is written; with unix the path of its socket.")
    package var writeRedisHost = "127.0.0.1"

    @Option(help: "Its port; ignored with unix.")
    package var writeRedisPort = 6379

    @Option(help: "Sentinels, as host:port separated by commas; host and port are ignored then.")
    package var writeRedisSentinelAddrs = ""

    @Option(help: "Name of the master that the sentinels watch.")
    package var writeRedisSentinelName = ""

    @Option(help: "Password; sent with AUTH when not empty. The environment variable PLANB_WRITE_REDIS_PASSWORD hides it from the list of processes.")
    package var writeRedisPassword = ""

    @Option(help: "Number of the database.")
    package var writeRedisDb = 0

    @Option(help: "File that the access log is appended to; syslog, stdout and none are special.")
    package var accessLog = "./access.log"

    @Option(help: "Seconds that a backend has for the head of its response; 0: no limit.")
    package var requestTimeout = 30

    @Option(help: "Seconds for connecting to a backend, TLS included; 0: no limit.")
    package var dialTimeout = 10

    @Option(help: "Time for reading one request with its body, such as 30s or 1m30s; 0s: no limit. If not set, a body may be silent for 60s.")
    package var clientReadTimeout: GoDurationArgument?

    @Option(help: "Time for reading a request's head; 0s: that of the flag before. If neither is set, 15s.")
    package var clientReadHeaderTimeout: GoDurationArgument?

    @Option(help: "Time from the end of a request's head to the end of the response; 0s: no limit.")
    package var clientWriteTimeout: GoDurationArgument?

    @Option(help: "Time that a connection is kept between two requests; 0s: that of --client-read-timeout. If neither is set, 75s.")
    package var clientIdleTimeout: GoDurationArgument?

    @Option(help: "Life of a dead mark in seconds; 0 is taken as 30.")
    package var deadBackendTime = 30

    @Option(help: "Milliseconds that bytes of a response may wait. They never do; accepted for PlanB's sake.")
    package var flushInterval = 10

    @Option(help: "Name of the request id header; no ids if not set.")
    package var requestIdHeader = ""

    @Flag(help: "Look at backends that are marked dead, and lift their marks when they are well.")
    package var activeHealthcheck = false

    @Option(help: "native, the only one.")
    package var engine = "native"

    @Flag(help: "Believe a frontend for 2 s after it was read, for longer where Redis tells of changes, and for as long as Redis cannot be asked.")
    package var backendCache = false

    // MARK: Ours

    @Flag(help: "Also find frontends by patterns such as *.example.org, as Hipache does: without the port, and without regard to case.")
    package var wildcards = false

    @Flag(help: "As Hipache: --wildcards, three tries, 501 to 599 mark a backend dead, and a single backend is never marked.")
    package var hipache = false

    @Option(help: "Other backends that get a request after one has failed, as long as nothing was sent or it may be sent twice.")
    package var retries: Int?

    @Flag(help: "Replace X-Forwarded-* of visitors instead of passing them on.")
    package var distrustForwarded = false

    @Flag(help: "Offer HTTP/2 to visitors, by TLS.")
    package var http2 = false

    @Option(help: "Name whose certificate is served to visitors that ask for none, or for one that nobody has; none if not set.")
    package var tlsDefaultName = ""

    @Option(help: "Connections of visitors open at once; 0: as many as the limit on open files allows.")
    package var maxConnections = 0

    @Option(help: "debug, info, warning or error: the least important events that are logged.")
    package var logLevel = "info"

    package init() {}

    /// The options with a value.
    package static let names: Set<String> = [
        "listen", "tls-listen", "tls-preset", "metrics-address", "load-certificates-from", "read-redis-network", "read-redis-host", "read-redis-port",
        "read-redis-sentinel-addrs", "read-redis-sentinel-name", "read-redis-password", "read-redis-db", "write-redis-network", "write-redis-host",
        "write-redis-port", "write-redis-sentinel-addrs", "write-redis-sentinel-name", "write-redis-password", "write-redis-db", "access-log",
        "request-timeout", "dial-timeout", "client-read-timeout", "client-read-header-timeout", "client-write-timeout", "client-idle-timeout",
        "dead-backend-time", "flush-interval", "request-id-header", "engine", "retries", "tls-default-name", "max-connections", "log-level",
    ]

    package static let switches: Set<String> = ["active-healthcheck", "backend-cache", "wildcards", "hipache", "distrust-forwarded", "http2"]
}
