// Placeholder until SchedulerCore lands.
