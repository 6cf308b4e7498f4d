//! The schema: every migration, in order. One text each for both engines.
//!
//! Must never know: which engine runs them. What has run is kept with its checksum in a table beside the others,
//! so that a migration that changed after its release is refused.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Every migration, oldest first. They are part of the binary and never change once released.
pub(super) fn all() -> Migrator {
    let migrations = [
        (1, "accounts", include_str!("../../migrations/0001_accounts.sql")),
        (2, "channels", include_str!("../../migrations/0002_channels.sql")),
        (3, "messages", include_str!("../../migrations/0003_messages.sql")),
        (4, "max_speakers", include_str!("../../migrations/0004_max_speakers.sql")),
        (5, "categories", include_str!("../../migrations/0005_categories.sql")),
        (6, "account_life", include_str!("../../migrations/0006_account_life.sql")),
        (7, "audit_log", include_str!("../../migrations/0007_audit_log.sql")),
        (10, "message_numbers", include_str!("../../migrations/0010_message_numbers.sql")),
        (11, "groups", include_str!("../../migrations/0011_groups.sql")),
        (12, "mentions", include_str!("../../migrations/0012_mentions.sql")),
        (13, "previews", include_str!("../../migrations/0013_previews.sql")),
        (14, "statuses", include_str!("../../migrations/0014_statuses.sql")),
        (15, "settings", include_str!("../../migrations/0015_settings.sql")),
        (16, "clearings", include_str!("../../migrations/0016_clearings.sql")),
        (17, "hearing", include_str!("../../migrations/0017_hearing.sql")),
        (18, "voice_rights", include_str!("../../migrations/0018_voice_rights.sql")),
    ];
    Migrator::with_migrations(
        migrations
            .into_iter()
            .map(|(version, name, text)| {
                let text = text.into_sql_str();
                Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, text, false)
            })
            .collect(),
    )
}
