// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: language mode 6 (from the tools version), no warning left standing, no implicit existential,
/// imports internal unless said otherwise, members only from modules imported in that file.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .treatAllWarnings(as: .error),
]

/// For targets that touch every request. A release does not watch for overlapping accesses to properties, which showed in the profile of a
/// request with some percent of its time outside the kernel; a debug build, with which all tests run, does, and SE-0176's static checks hold in both.
let hot: [SwiftSetting] = strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let metricsTestKit: Target.Dependency = .product(name: "MetricsTestKit", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let tomlKit: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")

func library(_ name: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = strict) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A component whose configuration is a module of its own.
func configuredLibrary(_ name: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = strict) -> Target {
    .target(name: name, dependencies: dependencies + [.target(name: "\(name)Configuration")], exclude: ["Configuration"], swiftSettings: settings)
}

/// What a component can be told, in a folder of the component's: programs that share a file read and check all of it, and must not link the
/// components of one another for that.
func configuration(of name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: "\(name)Configuration", dependencies: dependencies + ["ConfigurationReading"], path: "Sources/\(name)/Configuration",
        swiftSettings: strict)
}

func executable(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["PlaneTestSupport"], resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "plane",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        // Its server alone, without what its traits would bring along: the gateway has a table of routes of its own.
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
    ],
    targets: [
        // Layer 0: knows nothing of Plane.
        .systemLibrary(name: "CNATS", pkgConfig: "libnats", providers: [.apt(["libnats-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        library("JSONValues", []),
        library("LogKeys", []),
        library("UTCTime", []),
        library("NetworkAddresses", []),
        library("Timing", []),
        library("TextEncodings", []),
        library("NATSAddressing", ["TextEncodings"]),
        library("NATS", ["CNATS", "JSONValues", "NATSAddressing", "UTCTime", "Timing", logging, collections]),
        .target(name: "CDatagrams"),
        .target(name: "CEpoll"),
        .target(name: "CSpawn"),
        library("EpollTransport", ["CEpoll", "NetworkAddresses", nioCore, collections], settings: hot),
        library("RedisClient", ["LogKeys", "EpollTransport", nioCore, collections, logging], settings: hot),
        library("DNSCore", ["CDatagrams", "NetworkAddresses", nioCore, nioPosix]),
        library("DockerEngine", ["UTCTime", "Timing", "TextEncodings", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, logging]),
        library("ACME", ["Timing", "TextEncodings", "UTCTime", asyncHTTPClient, nioCore, nioHTTP1, nioSSL, crypto, cryptoExtras, x509, asn1, logging]),

        // Layer 1: the language and the shared memory of the system; no IO.
        library("PlaneProtocol", ["JSONValues", "UTCTime", "NetworkAddresses", "TextEncodings"]),
        library("PlaneState", ["PlaneProtocol", "NetworkAddresses", collections]),

        // Layer 2: one concern each.
        library("ConfigurationReading", ["NetworkAddresses", tomlKit]),
        library(
            "PlaneService",
            ["LogKeys", "PlaneProtocol", "ConfigurationReading", "NetworkAddresses", lifecycle, logging, metrics, arguments, nioCore, nioPosix, nioHTTP1]),
        configuration(of: "PlaneMessaging", ["PlaneProtocol", "PlaneService", "NATSAddressing"]),
        configuredLibrary("PlaneMessaging", ["LogKeys", "PlaneProtocol", "PlaneService", "NATS", "NATSAddressing", lifecycle, logging, metrics]),
        library("StateReplication", ["LogKeys", "PlaneProtocol", "PlaneState", "PlaneService", "NATS", "Timing", "UTCTime", logging]),
        library(
            "PlaneClient",
            ["PlaneProtocol", "PlaneState", "PlaneService", "PlaneMessaging", "StateReplication", "NATS", "NetworkAddresses", "Timing", "UTCTime", logging]),
        library(
            "PlaneDoctor",
            [
                "PlaneClient", "PlaneProtocol", "PlaneState", "PlaneService", "PlaneMessaging", "StateReplication", "NATS", "EpollTransport",
                "NetworkAddresses",
                nioCore, nioPosix, nioSSL,
            ]),
        configuration(of: "SchedulerCore", []),
        configuredLibrary(
            "SchedulerCore",
            ["LogKeys", "PlaneProtocol", "PlaneState", "PlaneService", "PlaneMessaging", "StateReplication", "NATS", "Timing", lifecycle, logging, metrics]),
        configuration(of: "ClusterNames", ["PlaneProtocol", "PlaneService", "NetworkAddresses"]),
        configuredLibrary(
            "ClusterNames",
            ["LogKeys", "PlaneProtocol", "PlaneState", "PlaneService", "StateReplication", "DNSCore", "NATS", "NetworkAddresses", lifecycle, logging, metrics]),
        configuration(of: "CertificateCore", ["PlaneProtocol", "PlaneService", "NetworkAddresses"]),
        configuredLibrary(
            "CertificateCore",
            [
                "LogKeys",
                "PlaneProtocol", "PlaneService", "PlaneMessaging", "ACME", "DNSCore", "NATS", "NetworkAddresses", "Timing", crypto, nioCore,
                lifecycle, logging, metrics,
            ]),
        library("DroneStore", ["PlaneProtocol", grdb]),
        configuration(of: "DroneCore", ["PlaneProtocol", "NetworkAddresses"]),
        configuredLibrary(
            "DroneCore",
            [
                "LogKeys",
                "PlaneProtocol", "DroneStore", "DockerEngine", "PlaneService", "PlaneMessaging", "NATS", "NetworkAddresses", "Timing", "UTCTime",
                asyncHTTPClient, lifecycle, logging, metrics, nioCore, nioPosix, nioHTTP1,
            ]),
        configuration(of: "ProxyCore", ["NetworkAddresses", "PlaneProtocol", "PlaneService", nioCore]),
        configuredLibrary(
            "ProxyCore",
            [
                "LogKeys",
                "PlaneProtocol", "EpollTransport", "NetworkAddresses", "UTCTime", "CNGHTTP2", nioCore, nioPosix, nioSSL, nioTLS, logging,
                metrics, collections,
            ], settings: hot),
        library("VisitorTokens", ["PlaneProtocol", "JSONValues", "TextEncodings", crypto]),
        library(
            "GatewayCore", ["PlaneClient", "PlaneProtocol", "PlaneState", "VisitorTokens", "JSONValues", "TextEncodings", crypto]),
        configuration(of: "GatewayHTTP", ["PlaneProtocol", "PlaneService", "VisitorTokens", "NetworkAddresses"]),
        configuredLibrary(
            "GatewayHTTP",
            [
                "LogKeys",
                "GatewayCore", "VisitorTokens", "PlaneClient", "PlaneProtocol", "PlaneState", "PlaneService", "PlaneMessaging", "StateReplication", "NATS",
                "JSONValues", "NetworkAddresses", "TextEncodings", "Timing", "EpollTransport", hummingbirdCore, httpTypes, asyncHTTPClient, crypto, nioCore,
                nioPosix, nioHTTP1, lifecycle, logging, metrics,
            ], settings: hot),
        library(
            "ConfigurationFiles",
            [
                "ConfigurationReading", "PlaneProtocol", "PlaneService", "NetworkAddresses", "PlaneMessagingConfiguration",
                "SchedulerCoreConfiguration", "ClusterNamesConfiguration", "CertificateCoreConfiguration", "DroneCoreConfiguration",
                "ProxyCoreConfiguration", "GatewayHTTPConfiguration",
            ]),
        library(
            "PlanBPolicy",
            [
                "LogKeys",
                "ProxyCore", "RedisClient", "EpollTransport", "NetworkAddresses", "Timing", asyncHTTPClient, nioCore, nioHTTP1, nioSSL, lifecycle,
                logging, metrics,
            ], settings: hot),
        library("TierHop", ["ProxyCore", "PlaneProtocol"], settings: hot),
        library("ProxyPages", ["ProxyCore", "ProxyCoreConfiguration", nioCore], settings: hot),
        library(
            "TierProxyPolicy",
            ["ProxyCore", "ProxyPages", "TierHop", "PlaneProtocol", "VisitorTokens", "JSONValues", "EpollTransport", crypto, nioCore, logging, metrics],
            settings: hot),
        library(
            "DroneProxyPolicy",
            [
                "LogKeys", "ProxyCore", "ProxyPages", "TierHop", "PlaneProtocol", "EpollTransport", "TextEncodings", nioCore, nioPosix, logging, metrics,
            ], settings: hot),
        library(
            "ProxyProgram",
            [
                "LogKeys",
                "ProxyCore", "ProxyCoreConfiguration", "CertificateCoreConfiguration", "ConfigurationReading", "NetworkAddresses", "PlaneProtocol",
                "PlaneService", "CSpawn", lifecycle, unixSignals, logging, nioCore, nioSSL,
            ]),
        library(
            "PlanBProxy",
            [
                "PlanBPolicy", "ProxyProgram", "ProxyCore", "RedisClient", "EpollTransport", "NetworkAddresses", "PlaneService", lifecycle,
                unixSignals, logging, metrics, arguments, nioCore,
            ]),
        library(
            "DroneProxy",
            [
                "ProxyProgram", "DroneProxyPolicy", "ProxyCore", "ProxyPages", "TierHop", "ProxyCoreConfiguration", "CertificateCoreConfiguration",
                "ConfigurationReading", "ConfigurationFiles", "DroneStore", "NetworkAddresses", "PlaneProtocol", "PlaneService", logging, nioCore,
            ]),
        library(
            "TierProxy",
            [
                "LogKeys",
                "TierProxyPolicy", "TierHop", "VisitorTokens", "ProxyProgram", "ProxyCore", "ProxyPages", "ProxyCoreConfiguration",
                "CertificateCoreConfiguration",
                "ConfigurationReading", "ConfigurationFiles", "PlaneMessaging", "PlaneMessagingConfiguration", "StateReplication", "PlaneState",
                "PlaneProtocol", "PlaneService", "NATS", "NetworkAddresses", "JSONValues", "Timing", lifecycle, logging, metrics, nioCore, nioSSL,
            ]),

        // Layer 3: read configuration, build, run.
        executable("scheduler", ["SchedulerCore", "ConfigurationFiles", "PlaneService", "PlaneMessaging", "NATS", lifecycle, logging, arguments]),
        executable(
            "gateway",
            [
                "GatewayHTTP", "GatewayHTTPConfiguration", "ConfigurationFiles", "VisitorTokens", "PlaneService", "PlaneMessaging", "NATS", lifecycle,
                logging, arguments,
            ]),
        executable(
            "dns",
            [
                "LogKeys",
                "ClusterNames", "DNSCore", "ConfigurationFiles", "PlaneProtocol", "PlaneService", "PlaneMessaging", "NATS", "NetworkAddresses", lifecycle,
                logging,
                arguments, nioCore, nioPosix,
            ]),
        executable(
            "drone-agent",
            [
                "LogKeys",
                "DroneCore", "DroneStore", "DockerEngine", "ConfigurationFiles", "PlaneProtocol", "PlaneService", "PlaneMessaging", "NATS",
                lifecycle, logging, arguments,
            ]),
        executable(
            "drone-proxy",
            [
                "DroneProxy", "ProxyProgram", "DroneProxyPolicy", "ProxyCore", "ProxyCoreConfiguration", "EpollTransport", "DroneStore",
                "ConfigurationFiles", "PlaneService", lifecycle, logging, arguments, nioCore,
            ]),
        executable(
            "gateway-proxy",
            [
                "TierProxy", "TierProxyPolicy", "ProxyProgram", "ProxyCore", "EpollTransport", "ConfigurationFiles", "PlaneProtocol", "PlaneService",
                "PlaneMessaging", "NATS", lifecycle, logging, arguments, nioCore,
            ]),
        executable("planb", ["PlanBProxy", "PlaneService", arguments]),
        executable(
            "cert-refresher",
            [
                "CertificateCore", "ACME", "ConfigurationFiles", "PlaneProtocol", "PlaneService", "PlaneMessaging", "NATS", lifecycle, logging,
                arguments,
            ]),
        executable(
            "plane",
            [
                "PlaneClient", "PlaneDoctor", "PlaneProtocol", "PlaneState", "PlaneService", "ConfigurationFiles", "ConfigurationReading", "NATS",
                "NATSAddressing", arguments, logging,
            ]),
        executable("demo-backend", [nioCore, nioPosix, nioHTTP1, nioWebSocket], path: "dev/demo-backend"),
        .target(name: "Simulation", path: "dev/simulation", swiftSettings: strict),
        executable("chaos", ["Simulation", "PlaneProtocol", "PlaneService", "PlaneMessaging", "NATS", arguments, logging], path: "dev/chaos"),
        executable(
            "bench",
            ["Simulation", "PlaneProtocol", "DNSCore", "DroneStore", "PlaneService", "PlaneMessaging", "NATS", arguments, logging], path: "dev/bench"),

        // Tests mirror Sources; real servers only where the name says so or where nothing else can show it.
        .target(
            name: "PlaneTestSupport", dependencies: ["PlaneProtocol", "NATS", "NATSAddressing", crypto, x509, asn1, logging, nioCore, nioPosix],
            path: "Tests/PlaneTestSupport", swiftSettings: strict),
        .target(
            name: "PlaneClientTestSupport", dependencies: ["PlaneTestSupport", "PlaneProtocol", "PlaneService", "NATS", "NATSAddressing", logging],
            path: "Tests/PlaneClientTestSupport", swiftSettings: strict),
        tests("JSONValuesTests", ["JSONValues"]),
        tests("UTCTimeTests", ["UTCTime"]),
        tests("NetworkAddressesTests", ["NetworkAddresses", nioCore]),
        tests("TimingTests", ["Timing"]),
        tests("TextEncodingsTests", ["TextEncodings"]),
        tests("NATSAddressingTests", ["NATSAddressing"]),
        tests("NATSTests", ["NATS", "NATSAddressing", "UTCTime", "Timing", logging], resources: [.copy("Fixtures")]),
        tests("EpollTransportTests", ["EpollTransport", nioCore, nioPosix]),
        tests("RedisClientTests", ["RedisClient", "EpollTransport", logging, nioCore]),
        tests("DNSCoreTests", ["DNSCore", nioCore, nioEmbedded, nioPosix]),
        tests("DockerEngineTests", ["DockerEngine", "UTCTime", nioCore, nioPosix, nioHTTP1]),
        tests("ACMETests", ["ACME", "TextEncodings", nioCore, nioPosix, crypto, cryptoExtras, x509, asn1]),
        tests("PlaneProtocolTests", ["PlaneProtocol"], resources: [.copy("Golden")]),
        tests("PlaneStateTests", ["PlaneState"]),
        tests("ConfigurationFilesTests", ["ConfigurationFiles", "ConfigurationReading", "PlaneService", "PlaneProtocol", logging, nioCore]),
        tests("PlaneServiceTests", ["LogKeys", "PlaneService", "ConfigurationFiles", metrics, lifecycle, arguments, logging, nioCore, nioPosix]),
        tests("PlaneMessagingTests", ["PlaneMessaging", "PlaneService", "PlaneProtocol", "NATS", lifecycle, logging]),
        tests("StateReplicationTests", ["StateReplication", "PlaneClientTestSupport", "PlaneProtocol", "NATS", logging]),
        tests(
            "SchedulerCoreTests", ["LogKeys", "SchedulerCore", "StateReplication", "PlaneService", "PlaneMessaging", "PlaneState", "NATS", lifecycle, logging]),
        tests(
            "ClusterNamesTests",
            [
                "ClusterNames", "DNSCore", "NetworkAddresses", "PlaneProtocol", "PlaneService", "PlaneMessaging", "NATS", "SchedulerCore", lifecycle,
                logging, nioCore,
            ]),
        tests(
            "CertificateCoreTests",
            [
                "CertificateCore", "ACME", "ClusterNames", "DNSCore", "PlaneProtocol", "PlaneService", "PlaneMessaging", "NATS", crypto,
                x509, asn1, logging, nioCore, nioPosix,
            ]),
        tests("DroneStoreTests", ["DroneStore", grdb], resources: [.copy("Fixtures")]),
        tests(
            "DroneCoreTests",
            [
                "DroneCore", "DroneStore", "DockerEngine", "PlaneService", "PlaneMessaging", "NATS", "NATSAddressing", grdb, asyncHTTPClient,
                lifecycle, logging, nioCore, nioPosix,
            ]),
        tests(
            "ProxyCoreTests",
            [
                "ProxyCore", "ProxyCoreConfiguration", "ProxyPages", "DroneProxyPolicy", "TierHop", "EpollTransport", "CNGHTTP2", nioHTTP1, nioEmbedded,
                metrics,
                metricsTestKit,
            ]),
        tests(
            "ProxyPolicyTests",
            ["ProxyCore", "DroneProxyPolicy", "TierHop", "EpollTransport", "PlaneProtocol", nioCore, nioPosix, nioSSL, logging, metrics]),
        tests(
            "TierProxyPolicyTests",
            [
                "TierProxyPolicy", "TierHop", "VisitorTokens", "ProxyCore", "ProxyCoreConfiguration", "ProxyPages", "EpollTransport", "PlaneProtocol", nioCore,
                logging, metrics,
            ]),
        tests("VisitorTokensTests", ["VisitorTokens", "PlaneProtocol", "JSONValues", "TextEncodings", crypto]),
        tests(
            "TierProxyTests",
            [
                "TierProxy", "gateway-proxy", "drone-proxy", "scheduler", "TierProxyPolicy", "ProxyCore", "ProxyCoreConfiguration", "ConfigurationReading",
                "ProxyPages", "DroneStore", "NetworkAddresses", "JSONValues", "VisitorTokens", "StateReplication",
                "PlaneProtocol", "PlaneService", "PlaneState", "NATS", nioCore, logging,
            ]),
        tests(
            "PlanBTests",
            [
                "PlanBProxy", "PlanBPolicy", "planb", "ProxyCore", "RedisClient", "EpollTransport", "PlaneService", arguments, logging, metrics, nioCore,
                nioPosix, nioSSL,
            ]),
        tests(
            "DroneProxyTests",
            [
                "DroneProxy", "ProxyProgram", "drone-proxy", "DroneStore", "PlaneProtocol", "PlaneService", "DroneProxyPolicy", "ProxyCore", "ProxyPages",
                nioCore,
            ]),
        tests(
            "PlaneClientTests",
            [
                "PlaneClient", "PlaneClientTestSupport", "SchedulerCore", "SchedulerCoreConfiguration", "PlaneService", "PlaneMessaging",
                "PlaneState", "PlaneProtocol", "NATS", lifecycle, logging,
            ]),
        tests(
            "PlaneDoctorTests",
            ["PlaneDoctor", "PlaneClientTestSupport", "ProxyCore", "PlaneState", "PlaneService", "PlaneProtocol", "NATS", "NetworkAddresses", nioCore, nioSSL]),
        tests(
            "PlaneCommandTests",
            [
                "plane", "PlaneClient", "PlaneClientTestSupport", "PlaneDoctor", "PlaneService", "PlaneState", "PlaneProtocol", "NATS",
                "NATSAddressing", "NetworkAddresses", arguments, logging,
            ]),
        tests("GatewayCoreTests", ["GatewayCore", "PlaneProtocol", "PlaneState", "JSONValues", "NetworkAddresses"]),
        tests(
            "GatewayHTTPTests",
            [
                "GatewayHTTP", "GatewayHTTPConfiguration", "GatewayCore", "VisitorTokens", "PlaneClientTestSupport", "PlaneClient", "PlaneProtocol",
                "PlaneService",
                "PlaneMessaging", "PlaneState", "SchedulerCore", "SchedulerCoreConfiguration", "ConfigurationReading", "NATS", "JSONValues",
                asyncHTTPClient, crypto, nioCore, nioPosix, nioHTTP1, lifecycle, logging,
            ]),
        tests("ChaosTests", []),
        tests("OperationsTests", ["PlaneService", metrics]),
        tests("IntegrationTests", ["DockerEngine", "DroneStore", "PlaneService", "SchedulerCore", "DroneCore", "ProxyCore"]),
    ]
)
