@main struct SchedulerMain {
    static func main() {}
}
