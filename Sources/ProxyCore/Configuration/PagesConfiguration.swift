package import ConfigurationReading

/// What browsers are shown where other programs get a line of text (table `proxy.pages`).
package struct PagesConfiguration: Hashable, Sendable {
    package var isEnabled = true
    /// A browser is held this long for a backend that starts, and then shown the waiting page.
    package var waitingAfter: Duration = .seconds(3)
    /// The language of the texts below, as HTML names languages (BCP 47).
    package var language = "en"
    /// The address of the link on the page that says that a backend cannot be reached; nil shows no link.
    package var link: String?
    package var linkText = "Start again"
    package var waitingTitle = "Your session is starting"
    package var waitingText = "This page opens it as soon as it is ready."
    package var loadingText = "Its image and container are being prepared."
    package var startingText = "Its program is starting."
    /// `{seconds}` in the text is replaced by the number of seconds.
    package var usualText = "Usually it takes about {seconds} seconds."
    package var goneTitle = "This session is not here"
    package var goneText = "It has ended, or the address is not complete."
    package var refusedTitle = "This session is not open to you"
    package var refusedText = "Open the link that you were given for it once more. A link is good for one session."
    package var errorTitle = "The session does not answer"
    package var errorText = "Reload the page in a moment. If that does not help, start a new session."

    package init() {}
}

extension PagesConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        reader.read(
            "enabled", .boolean, into: &self.isEnabled,
            "Answer browsers with pages where there is no backend to answer. Others get a line of text, and responses of backends are never replaced.")
        reader.read(
            "waiting_after_secs", .seconds(0...3600), into: &self.waitingAfter,
            "Seconds a browser is held for a backend that is still starting, before it is shown a page that waits.")
        reader.read("language", .string, into: &self.language, "Language of the texts, as in \"de\" or \"pt-BR\".")
        self.link = reader.optional(
            "link", .httpURL, "Address that visitors are offered where their session cannot be reached, to start again; none if not set.")
        reader.read("link_text", .string, into: &self.linkText, "What that link says.")
        reader.read("waiting_title", .string, into: &self.waitingTitle, "Title of the page that waits.")
        reader.read("waiting_text", .string, into: &self.waitingText, "Its text.")
        reader.read("loading_text", .string, into: &self.loadingText, "What it says first, while the image and the container are prepared.")
        reader.read("starting_text", .string, into: &self.startingText, "The same, when the container runs.")
        reader.read(
            "usual_text", .string, into: &self.usualText,
            "What it says of the time, where this proxy has seen visitors wait before; {seconds} stands for the number.")
        reader.read("gone_title", .string, into: &self.goneTitle, "Title of the page for a name that is no backend's.")
        reader.read("gone_text", .string, into: &self.goneText, "Its text.")
        reader.read("refused_title", .string, into: &self.refusedTitle, "Title of the page for visitors without the right token.")
        reader.read("refused_text", .string, into: &self.refusedText, "Its text.")
        reader.read("error_title", .string, into: &self.errorTitle, "Title of the page for a backend that fails.")
        reader.read("error_text", .string, into: &self.errorText, "Its text.")
    }
}
