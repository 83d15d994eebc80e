/// A state with the time when it was written, as in messages of the stream: `{"state":"Ready","timestamp":1710148530456}`.
struct Timestamped<State: JSONDecodable>: JSONDecodable {
    let value: State
    let timestamp: StateTime

    init(json: JSONNode) throws(MessageError) {
        self.value = try json.required("state")
        self.timestamp = try json.required("timestamp")
    }
}
