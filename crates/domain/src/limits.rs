//! Bounds of every input. Each is documented; what is longer is refused, never cut.

/// Characters of a job's name.
pub const NAME_MAX_CHARS: usize = 256;
/// Bytes of a job's config, printed as JSON.
pub const CONFIG_MAX_BYTES: usize = 256 * 1024;
/// Bytes of a job's metadata, printed as JSON.
pub const METADATA_MAX_BYTES: usize = 16 * 1024;
/// Levels of arrays and objects within a job's config and metadata.
pub const JSON_MAX_DEPTH: usize = 64;
/// Tags of a job.
pub const TAGS_MAX: usize = 32;
/// Characters of a tag.
pub const TAG_MAX_CHARS: usize = 64;
/// Characters of `concurrency_key`, `external_id` and `project_id`.
pub const KEY_MAX_CHARS: usize = 256;
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 255;
/// Characters of a time expression.
pub const TIME_EXPRESSION_MAX_CHARS: usize = 128;
/// The most urgent priority; 1 is the least.
pub const PRIORITY_MAX: u8 = 10;
/// The priority of a job that names none.
pub const PRIORITY_DEFAULT: u8 = 5;
/// The longest timeout of a job: 30 days.
pub const TIMEOUT_MAX_SECONDS: u32 = 30 * 24 * 3600;
/// The most retries of a job.
pub const RETRIES_MAX: u32 = 1000;
/// The longest delay between retries: 30 days.
pub const RETRY_DELAY_MAX_SECONDS: u32 = 30 * 24 * 3600;
/// Exit codes that `retry_exit_codes` may list.
pub const RETRY_EXIT_CODES_MAX: usize = 64;
/// The longest `max_lateness_seconds`: 10 years.
pub const LATENESS_MAX_SECONDS: u32 = 10 * 366 * 24 * 3600;
/// Rows of a page.
pub const PAGE_MAX: u32 = 200;
/// Rows of a page when none are asked for.
pub const PAGE_DEFAULT: u32 = 50;
/// Characters of a cursor: more than any has.
pub const CURSOR_MAX_CHARS: usize = 1_024;
/// Bytes of output kept of one execution: the first and the last half of this.
pub const OUTPUT_MAX_BYTES: u64 = 10 * 1024 * 1024;
/// Bytes of a request body.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// Bytes of a request body with many jobs.
pub const BULK_BODY_MAX_BYTES: usize = 32 * 1024 * 1024;
/// Jobs of one request.
pub const BULK_MAX_JOBS: usize = 10_000;
/// Faults that are told of one request with many jobs.
pub const BULK_ERRORS_MAX: usize = 100;
/// Characters of a text that is searched for.
pub const SEARCH_MAX_CHARS: usize = 256;
/// Different words of a text that is searched for.
pub const SEARCH_MAX_WORDS: usize = 16;
/// Projects that a key may be restricted to.
pub const KEY_PROJECTS_MAX: usize = 100;
/// The longest time for which a key stays valid beside its successor: 30 days.
pub const OVERLAP_MAX_SECONDS: i64 = 30 * 24 * 3600;
/// Projects, archived ones included: every server has them in memory.
pub const PROJECTS_MAX: usize = 1_000;
/// Tags that jobs can have: every server has them in memory.
pub const ALL_TAGS_MAX: usize = 1_000;
/// Characters of a project's description.
pub const DESCRIPTION_MAX_CHARS: usize = 4_096;
/// Characters of a colour or of the name of an icon.
pub const LOOK_MAX_CHARS: usize = 64;
/// Characters of the text of a setting.
pub const SETTING_MAX_CHARS: usize = 4_096;
/// Jobs or executions that can be listed by priority or duration, which have no index.
pub const SORTED_MAX: usize = 5_000;
/// The lowest priority of the jobs that reserved slots are for.
pub const PRIORITY_OF_RESERVED: u8 = 8;
/// Links of a chain.
pub const CHAIN_LINKS_MAX: usize = 100;
/// Characters of a chain's description.
pub const CHAIN_DESCRIPTION_MAX_CHARS: usize = 4096;
/// Bytes of all links of a chain, and of all that a chain execution is to run, as JSON.
pub const CHAIN_LINKS_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that a link's job is given of the output of the link before it: the end of it.
pub const PREVIOUS_OUTPUT_MAX_BYTES: usize = 32 * 1024;
/// Webhooks in all.
pub const WEBHOOKS_MAX: usize = 100;
/// Characters of a webhook's URL.
pub const WEBHOOK_URL_MAX_CHARS: usize = 2048;
/// Projects, tags or job types that a webhook is limited to.
pub const WEBHOOK_FILTER_MAX: usize = 64;
/// Events that a webhook names.
pub const WEBHOOK_EVENTS_MAX: usize = 64;
/// Bytes of a webhook's own template.
pub const WEBHOOK_TEMPLATE_MAX_BYTES: usize = 16 * 1024;
/// Deliveries that one request makes again.
pub const REDELIVERIES_MAX: u32 = 10_000;
