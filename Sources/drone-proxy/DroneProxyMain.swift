@main struct DroneProxyMain {
    static func main() {}
}
