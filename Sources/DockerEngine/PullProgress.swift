/// One step of a pull, as the daemon reports it.
package struct PullProgress: Hashable, Sendable {
    /// Such as `Downloading`, `Extracting`, `Pull complete` or `Status: Image is up to date for …`.
    package var status: String
    /// The layer that the step is about, by the first digits of its id; nil if it is about the whole image.
    package var layer: String?
    /// How many bytes of this step are done.
    package var bytesDone: Int64?
    package var bytesTotal: Int64?
}

/// One line of the pull's JSON stream.
enum PullMessage: Hashable, Sendable {
    case progress(PullProgress)
    /// The pull has failed; no lines follow.
    case failure(String)
}

extension PullMessage: Decodable {
    private enum CodingKeys: String, CodingKey {
        case status, id, error, errorDetail, progressDetail
    }

    private struct ErrorDetail: Decodable {
        var message: String?
    }

    private struct ProgressDetail: Decodable {
        var current: Int64?
        var total: Int64?
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let detail = try fields.decodeIfPresent(ErrorDetail.self, forKey: .errorDetail)
        if let message = try detail?.message ?? fields.decodeIfPresent(String.self, forKey: .error) {
            self = .failure(message)
            return
        }
        let done = try fields.decodeIfPresent(ProgressDetail.self, forKey: .progressDetail)
        self = .progress(
            PullProgress(
                status: try fields.decodeIfPresent(String.self, forKey: .status) ?? "",
                layer: try fields.decodeIfPresent(String.self, forKey: .id), bytesDone: done?.current, bytesTotal: done?.total))
    }
}
