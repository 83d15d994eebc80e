// swift-tools-version: 6.2
import PackageDescription

// The DNS codec and the responder in one module, instrumented for libFuzzer and AddressSanitizer. `scripts/fuzz-dns` builds and runs it.
let package = Package(
    name: "dns-fuzzer",
    dependencies: [.package(path: "../../.build/checkouts/swift-nio")],
    targets: [
        .executableTarget(
            name: "dns-fuzzer",
            dependencies: [.product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                // The entry is libFuzzer's.
                .unsafeFlags(["-parse-as-library", "-sanitize=fuzzer,address"]),
            ],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])])
    ]
)
