// Placeholder until SchedulerCoreTests land.
