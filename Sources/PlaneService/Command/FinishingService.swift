package import ServiceLifecycle

/// A service that may come to its end by itself. The process then ends in order, with success.
package protocol FinishingService: Service {}
