/// How a container's process is started, where the request says something else than the image. Ours.
package struct ProcessOverride: Hashable, Sendable {
    /// Takes the place of the image's entry point; then the image's command does not count either, as with `docker run --entrypoint`.
    package var command: [String]?
    /// Takes the place of the image's command.
    package var args: [String]?
    /// An absolute path.
    package var workingDirectory: String?
    /// As in `docker run --user`: a name or number, with a group behind a colon.
    package var user: String?
    /// Labels of the container beside the agent's own.
    package var labels: [String: String]

    /// Words of `command` and `args`, each.
    package static let maximumWords = 1024
    package static let maximumLabels = 64
    /// Of a label's name and value together, in bytes.
    package static let maximumLabelBytes = 4096
    /// Of a user or a path, in bytes (`PATH_MAX`).
    package static let maximumTextBytes = 4095
    /// Labels whose names begin so are the agent's, which finds its containers by them, and Docker's.
    package static let reservedLabelPrefixes = ["dev.plane.", "com.docker."]

    package init(
        command: [String]? = nil, args: [String]? = nil, workingDirectory: String? = nil, user: String? = nil, labels: [String: String] = [:]
    ) {
        self.command = command
        self.args = args
        self.workingDirectory = workingDirectory
        self.user = user
        self.labels = labels
    }

    init(in json: JSONNode) throws(MessageError) {
        self.command = try json.optional("command")
        self.args = try json.optional("args")
        self.workingDirectory = try json.optional("working_dir", atMost: Self.maximumTextBytes)
        self.user = try json.optional("user", atMost: Self.maximumTextBytes)
        self.labels = try json.optional("labels") ?? [:]
    }

    func write(to object: inout JSONWriter.Object) {
        object.fieldIfPresent("command", self.command)
        object.fieldIfPresent("args", self.args)
        object.fieldIfPresent("working_dir", self.workingDirectory)
        object.fieldIfPresent("user", self.user)
        object.fieldIfPresent("labels", self.labels.isEmpty ? nil : self.labels)
    }

    /// Refuses what would fail only when the container is made, and what would take it from the agent.
    func check() throws(MessageError) {
        for (key, words) in [("command", self.command ?? []), ("args", self.args ?? [])] {
            guard words.count <= Self.maximumWords else {
                throw MessageError(path: [.key(key)], expected: "at most \(Self.maximumWords) words", found: "\(words.count)")
            }
            for (index, word) in words.enumerated() where word.utf8.contains(0) {
                throw MessageError(path: [.key(key), .index(index)], expected: "text without NUL", found: "a NUL")
            }
        }
        if self.command?.isEmpty == true || self.command?.first?.isEmpty == true {
            throw MessageError(path: [.key("command")], expected: "a program, or no such key for the image's own", found: "an empty one")
        }
        if let directory = self.workingDirectory, !directory.hasPrefix("/") || directory.utf8.contains(0) {
            throw MessageError(
                path: [.key("working_dir")], expected: "an absolute path in the container", found: MessageError.excerpt(directory))
        }
        if let user = self.user, user.isEmpty || user.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
            throw MessageError(path: [.key("user")], expected: "a user such as 1000 or app:www", found: MessageError.excerpt(user))
        }
        try self.checkLabels()
    }

    private func checkLabels() throws(MessageError) {
        guard self.labels.count <= Self.maximumLabels else {
            throw MessageError(path: [.key("labels")], expected: "at most \(Self.maximumLabels) labels", found: "\(self.labels.count)")
        }
        for (name, value) in self.labels.sorted(by: { $0.key < $1.key }) {
            let path: [MessageError.Step] = [.key("labels"), .key(name)]
            guard !name.isEmpty, !name.utf8.contains(0), !value.utf8.contains(0) else {
                throw MessageError(path: path, expected: "a name, and texts without NUL", found: "something else")
            }
            guard name.utf8.count + value.utf8.count <= Self.maximumLabelBytes else {
                throw MessageError(path: path, expected: "at most \(Self.maximumLabelBytes) bytes with its name", found: "more")
            }
            if let prefix = Self.reservedLabelPrefixes.first(where: { name.hasPrefix($0) }) {
                throw MessageError(path: path, expected: "a label that does not begin with \(prefix)", found: "one that does")
            }
        }
    }
}
