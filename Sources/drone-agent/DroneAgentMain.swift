@main struct DroneAgentMain {
    static func main() {}
}
