@main struct PlaneMain {
    static func main() {}
}
