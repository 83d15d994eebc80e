@main struct DemoBackend {
    static func main() {}
}
