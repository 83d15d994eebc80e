// swift-tools-version: 6.2
import PackageDescription

// What planb makes of Redis' answers, instrumented for libFuzzer and AddressSanitizer. `scripts/fuzz-planb` builds and runs it. Heads of
// requests are read by the proxy's parser, which `scripts/fuzz-proxy` is for.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // The entry is libFuzzer's.
    .unsafeFlags(["-parse-as-library", "-sanitize=fuzzer,address"]),
]

let package = Package(
    name: "planb-fuzzer",
    dependencies: [.package(path: "../../.build/checkouts/swift-nio")],
    targets: [
        .target(name: "NetworkAddresses", swiftSettings: settings),
        .target(name: "RedisClient", dependencies: [.product(name: "NIOCore", package: "swift-nio")], swiftSettings: settings),
        .target(
            name: "PlanBPolicy", dependencies: ["RedisClient", "NetworkAddresses", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: settings),
        .executableTarget(
            name: "planb-fuzzer", dependencies: ["PlanBPolicy", "RedisClient", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: settings, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
    ]
)
