import Foundation

/// The image of `dev/demo-backend`, made by `scripts/demo-image` before the tests run.
enum DemoImage {
    static let name = ProcessInfo.processInfo.environment["PLANE_TEST_DEMO_IMAGE"] ?? "plane-demo"
}
