export { type KafkaAddress, type KafkaLogin } from './admin.js';
export { planTopics, type TopicSpec, type TopicStep } from './topic-plan.js';
export { applyTopics, diffTopics } from './topics.js';
export { readLag, type PartitionLag } from './lag.js';
export { serveLag } from './lag-metrics.js';
