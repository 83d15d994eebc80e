// swift-tools-version: 6.2
import PackageDescription

// What the gateway makes of requests, with the modules below it as they are in the house, instrumented for libFuzzer and AddressSanitizer.
// `scripts/fuzz-gateway` builds and runs it.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // The entry is libFuzzer's.
    .unsafeFlags(["-parse-as-library", "-sanitize=fuzzer,address"]),
]

let package = Package(
    name: "gateway-fuzzer",
    targets: [
        .target(name: "JSONValues", swiftSettings: settings),
        .target(name: "UTCTime", swiftSettings: settings),
        .target(name: "NetworkAddresses", swiftSettings: settings),
        .target(name: "TextEncodings", swiftSettings: settings),
        .target(name: "PlaneProtocol", dependencies: ["JSONValues", "UTCTime", "NetworkAddresses", "TextEncodings"], swiftSettings: settings),
        // Without what needs the fleet's state or cryptography.
        .target(name: "GatewayCore", dependencies: ["PlaneProtocol", "JSONValues", "TextEncodings"], swiftSettings: settings),
        .executableTarget(
            name: "gateway-fuzzer", dependencies: ["GatewayCore", "PlaneProtocol", "JSONValues", "TextEncodings"], swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
    ]
)
