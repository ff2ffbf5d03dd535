-- The schema of ocrsite for a fresh SQL Server database. Made by `manage.py setup_sql` from the
-- migrations; docs/sql-server.md says when to use it and when `manage.py migrate` alone.
--
--     sqlcmd -S server -d ocrsite -b -i docs/setup_database.sql
--
-- Then run `manage.py migrate`, which adds what Django keeps in rows (content types, permissions).
-- It may be run again: what is there is left alone, but for the views, which are created anew.
GO

SET NOCOUNT ON;
SET XACT_ABORT ON;
-- Indexes with a condition need it; sqlcmd switches it off unless it is called with -I.
SET QUOTED_IDENTIFIER ON;
SET ANSI_NULLS ON;
GO

IF OBJECT_ID(N'[django_migrations]', N'U') IS NULL
BEGIN
CREATE TABLE [django_migrations] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [app] nvarchar(255) NOT NULL,
    [name] nvarchar(255) NOT NULL,
    [applied] datetimeoffset NOT NULL
);
END
GO

IF EXISTS (SELECT 1 FROM [django_migrations]) AND EXISTS (
    SELECT released.app, released.name
    FROM (VALUES
        (N'admin', N'0001_initial'),
        (N'admin', N'0002_logentry_remove_auto_add'),
        (N'admin', N'0003_logentry_add_action_flag_choices'),
        (N'auth', N'0001_initial'),
        (N'auth', N'0002_alter_permission_name_max_length'),
        (N'auth', N'0003_alter_user_email_max_length'),
        (N'auth', N'0004_alter_user_username_opts'),
        (N'auth', N'0005_alter_user_last_login_null'),
        (N'auth', N'0006_require_contenttypes_0002'),
        (N'auth', N'0007_alter_validators_add_error_messages'),
        (N'auth', N'0008_alter_user_username_max_length'),
        (N'auth', N'0009_alter_user_last_name_max_length'),
        (N'auth', N'0010_alter_group_name_max_length'),
        (N'auth', N'0011_update_proxy_permissions'),
        (N'auth', N'0012_alter_user_first_name_max_length'),
        (N'contenttypes', N'0001_initial'),
        (N'contenttypes', N'0002_remove_content_type_name'),
        (N'django_q', N'0001_initial'),
        (N'django_q', N'0002_auto_20150630_1624'),
        (N'django_q', N'0003_auto_20150708_1326'),
        (N'django_q', N'0004_auto_20150710_1043'),
        (N'django_q', N'0005_auto_20150718_1506'),
        (N'django_q', N'0006_auto_20150805_1817'),
        (N'django_q', N'0007_ormq'),
        (N'django_q', N'0008_auto_20160224_1026'),
        (N'django_q', N'0009_auto_20171009_0915'),
        (N'django_q', N'0010_auto_20200610_0856'),
        (N'django_q', N'0011_auto_20200628_1055'),
        (N'django_q', N'0012_auto_20200702_1608'),
        (N'django_q', N'0013_task_attempt_count'),
        (N'django_q', N'0014_schedule_cluster'),
        (N'django_q', N'0015_alter_schedule_schedule_type'),
        (N'django_q', N'0016_schedule_intended_date_kwarg'),
        (N'django_q', N'0017_task_cluster_alter'),
        (N'django_q', N'0018_task_success_index'),
        (N'django_q', N'0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more'),
        (N'extraction', N'0001_initial'),
        (N'extraction', N'0002_prompt_cost'),
        (N'extraction', N'0003_worker'),
        (N'extraction', N'0004_repairs'),
        (N'extraction', N'0005_file_retention'),
        (N'extraction', N'0006_retry_after_at'),
        (N'extraction', N'0007_same_bytes'),
        (N'extraction', N'0008_uuids_that_seek'),
        (N'extraction', N'0009_fair_turns'),
        (N'extraction', N'0010_failed_attempts'),
        (N'extraction', N'0011_reader'),
        (N'extraction', N'0012_listed_columns'),
        (N'extraction', N'0013_fill_listed_columns'),
        (N'extraction', N'0014_listed_indexes'),
        (N'extraction', N'0015_export_profiles'),
        (N'extraction', N'0016_first_export_profiles'),
        (N'extraction', N'0017_review'),
        (N'extraction', N'0018_deleted_and_read_again'),
        (N'extraction', N'0019_batches'),
        (N'extraction', N'0020_accounts'),
        (N'extraction', N'0021_page_turns'),
        (N'extraction', N'0022_fill_companies'),
        (N'extraction', N'0023_trace_of_extractions'),
        (N'extraction', N'0024_labels'),
        (N'extraction', N'0025_webhooks'),
        (N'extraction', N'0026_workers'),
        (N'extraction', N'0027_roles'),
        (N'extraction', N'0028_document_days'),
        (N'extraction', N'0029_client_scopes'),
        (N'extraction', N'0030_digests_of_keys'),
        (N'extraction', N'0031_erasures'),
        (N'extraction', N'0032_made_once'),
        (N'extraction', N'0033_earlier_documents'),
        (N'extraction', N'0034_kinds_of_alerts'),
        (N'extraction', N'0035_all_states_and_sums'),
        (N'extraction', N'0036_orders_to_erase_of_a_company'),
        (N'logs', N'0001_initial'),
        (N'logs', N'0002_failure_classes'),
        (N'logs', N'0003_log_context'),
        (N'logs', N'0004_retention_and_error_groups'),
        (N'logs', N'0005_levels_and_entered_files'),
        (N'logs', N'0006_renamed_loggers'),
        (N'logs', N'0007_ingested_files'),
        (N'logs', N'0008_retention_of_leftovers'),
        (N'logs', N'0009_retention_of_wrong_credentials'),
        (N'logs', N'0010_retention_of_deleted'),
        (N'logs', N'0011_audit_list'),
        (N'logs', N'0012_retention_of_webhooks'),
        (N'logs', N'0013_key_of_failed_calls'),
        (N'rest_framework_api_key', N'0001_initial'),
        (N'rest_framework_api_key', N'0002_auto_20190529_2243'),
        (N'rest_framework_api_key', N'0003_auto_20190623_1952'),
        (N'rest_framework_api_key', N'0004_prefix_hashed_key'),
        (N'rest_framework_api_key', N'0005_auto_20220110_1102'),
        (N'sessions', N'0001_initial'),
        (N'tokens', N'0001_initial'),
        (N'tokens', N'0002_changes_and_alerts'),
        (N'tokens', N'0003_ledger_alerts'),
        (N'tokens', N'0004_cool_downs_and_call_limits'),
        (N'tokens', N'0005_key_fingerprint_of_usage'),
        (N'tokens', N'0006_changes_by_sql'),
        (N'tokens', N'0007_circuit_breaker_fields'),
        (N'tokens', N'0008_labels'),
        (N'tokens', N'0009_pending_wipes'),
        (N'tokens', N'0010_installation'),
        (N'tokens', N'0011_companies'),
        (N'tokens', N'0012_fill_companies'),
        (N'tokens', N'0013_prices'),
        (N'tokens', N'0014_quotas'),
        (N'tokens', N'0016_usage_days'),
        (N'tokens', N'0017_site_alerts'),
        (N'tokens', N'0018_quotas_in_money'),
        (N'tokens', N'0020_usage_day_audit'),
        (N'tokens', N'0021_long_prompts')
    ) AS released (app, name)
    EXCEPT SELECT [app], [name] FROM [django_migrations]
)
BEGIN
    RAISERROR(N'This database is of another release: run manage.py migrate.', 16, 1);
    SET NOEXEC ON;
END
GO

IF OBJECT_ID(N'[auth_group]', N'U') IS NULL
BEGIN
CREATE TABLE [auth_group] (
    [id] int NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [name] nvarchar(150) NOT NULL UNIQUE
);
END
GO

IF OBJECT_ID(N'[auth_group_permissions]', N'U') IS NULL
BEGIN
CREATE TABLE [auth_group_permissions] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [group_id] int NOT NULL,
    [permission_id] int NOT NULL
);
END
GO

IF OBJECT_ID(N'[auth_user]', N'U') IS NULL
BEGIN
CREATE TABLE [auth_user] (
    [id] int NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [password] nvarchar(128) NOT NULL,
    [last_login] datetimeoffset NULL,
    [is_superuser] bit NOT NULL,
    [username] nvarchar(150) NOT NULL UNIQUE,
    [first_name] nvarchar(150) NOT NULL,
    [last_name] nvarchar(150) NOT NULL,
    [email] nvarchar(254) NOT NULL,
    [is_staff] bit NOT NULL,
    [is_active] bit NOT NULL,
    [date_joined] datetimeoffset NOT NULL
);
END
GO

IF OBJECT_ID(N'[auth_user_groups]', N'U') IS NULL
BEGIN
CREATE TABLE [auth_user_groups] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [user_id] int NOT NULL,
    [group_id] int NOT NULL
);
END
GO

IF OBJECT_ID(N'[auth_user_user_permissions]', N'U') IS NULL
BEGIN
CREATE TABLE [auth_user_user_permissions] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [user_id] int NOT NULL,
    [permission_id] int NOT NULL
);
END
GO

IF OBJECT_ID(N'[django_content_type]', N'U') IS NULL
BEGIN
CREATE TABLE [django_content_type] (
    [id] int NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [app_label] nvarchar(100) NOT NULL,
    [model] nvarchar(100) NOT NULL
);
END
GO

IF OBJECT_ID(N'[django_admin_log]', N'U') IS NULL
BEGIN
CREATE TABLE [django_admin_log] (
    [id] int NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [action_time] datetimeoffset NOT NULL,
    [object_id] nvarchar(max) NULL,
    [object_repr] nvarchar(200) NOT NULL,
    [action_flag] smallint NOT NULL CONSTRAINT django_admin_log_action_flag_a8637d59_check CHECK ([action_flag] >= 0),
    [change_message] nvarchar(max) NOT NULL,
    [content_type_id] int NULL,
    [user_id] int NOT NULL
);
END
GO

IF OBJECT_ID(N'[auth_permission]', N'U') IS NULL
BEGIN
CREATE TABLE [auth_permission] (
    [id] int NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [name] nvarchar(255) NOT NULL,
    [content_type_id] int NOT NULL,
    [codename] nvarchar(100) NOT NULL
);
END
GO

IF OBJECT_ID(N'[django_q_ormq]', N'U') IS NULL
BEGIN
CREATE TABLE [django_q_ormq] (
    [id] int NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [key] nvarchar(100) NOT NULL,
    [payload] nvarchar(max) NOT NULL,
    [lock] datetimeoffset NULL
);
END
GO

IF OBJECT_ID(N'[django_q_schedule]', N'U') IS NULL
BEGIN
CREATE TABLE [django_q_schedule] (
    [id] int NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [func] nvarchar(256) NOT NULL,
    [hook] nvarchar(256) NULL,
    [args] nvarchar(max) NULL,
    [kwargs] nvarchar(max) NULL,
    [schedule_type] nvarchar(2) NOT NULL,
    [repeats] int NOT NULL,
    [next_run] datetimeoffset NULL,
    [task] nvarchar(100) NULL,
    [name] nvarchar(100) NULL,
    [minutes] smallint NULL CONSTRAINT django_q_schedule_minutes_30abbe28_check CHECK ([minutes] >= 0),
    [cron] nvarchar(100) NULL,
    [cluster] nvarchar(100) NULL,
    [intended_date_kwarg] nvarchar(100) NULL
);
END
GO

IF OBJECT_ID(N'[django_q_task]', N'U') IS NULL
BEGIN
CREATE TABLE [django_q_task] (
    [name] nvarchar(100) NOT NULL,
    [func] nvarchar(256) NOT NULL,
    [hook] nvarchar(256) NULL,
    [args] nvarchar(max) NULL,
    [kwargs] nvarchar(max) NULL,
    [result] nvarchar(max) NULL,
    [started] datetimeoffset NOT NULL,
    [stopped] datetimeoffset NOT NULL,
    [success] bit NOT NULL,
    [id] nvarchar(32) NOT NULL PRIMARY KEY,
    [group] nvarchar(100) NULL,
    [attempt_count] int NOT NULL,
    [cluster] nvarchar(100) NULL
);
END
GO

IF OBJECT_ID(N'[extraction_accountrule]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_accountrule] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [must_change_password] bit NOT NULL,
    [user_id] int NOT NULL UNIQUE
);
END
GO

IF OBJECT_ID(N'[extraction_apiclient]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_apiclient] (
    [id] nvarchar(150) NOT NULL PRIMARY KEY,
    [prefix] nvarchar(8) NOT NULL UNIQUE,
    [hashed_key] nvarchar(150) NOT NULL,
    [created] datetimeoffset NOT NULL,
    [name] nvarchar(50) NOT NULL,
    [revoked] bit NOT NULL,
    [expiry_date] datetimeoffset NULL,
    [allowed_networks] nvarchar(max) DEFAULT '' NOT NULL,
    [documents_at_a_time] int NULL CONSTRAINT extraction_apiclient_documents_at_a_time_610c6ee9_check CHECK ([documents_at_a_time] >= 0),
    [key_expires_at] datetimeoffset NULL,
    [last_used_at] datetimeoffset NULL,
    [requests_per_minute] int NULL CONSTRAINT extraction_apiclient_requests_per_minute_7690108c_check CHECK ([requests_per_minute] >= 0),
    [scopes] nvarchar(100) DEFAULT 'submit read correct usage' NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_apiclientcompany]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_apiclientcompany] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [company_id] nvarchar(50) NOT NULL,
    [client_id] nvarchar(150) NOT NULL,
    CONSTRAINT [unique_client_company] UNIQUE ([client_id], [company_id])
);
END
GO

IF OBJECT_ID(N'[extraction_apiclientkey]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_apiclientkey] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [prefix] nvarchar(8) NOT NULL UNIQUE,
    [hashed_key] nvarchar(150) NOT NULL,
    [created_at] datetimeoffset NOT NULL,
    [expires_at] datetimeoffset NULL,
    [client_id] nvarchar(150) NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_apiclientrequests]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_apiclientrequests] (
    [client_id] nvarchar(150) NOT NULL PRIMARY KEY,
    [minute] datetimeoffset NOT NULL,
    [number] int NOT NULL CONSTRAINT extraction_apiclientrequests_number_7e43f3d4_check CHECK ([number] >= 0)
);
END
GO

IF OBJECT_ID(N'[extraction_authenticator]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_authenticator] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [secret] nvarchar(255) NOT NULL,
    [confirmed_at] datetimeoffset NULL,
    [last_used_at] datetimeoffset NULL,
    [last_step] bigint NOT NULL,
    [user_id] int NOT NULL UNIQUE
);
END
GO

IF OBJECT_ID(N'[extraction_companygrant]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_companygrant] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [company_id] nvarchar(50) NOT NULL,
    [user_id] int NOT NULL,
    CONSTRAINT [unique_company_grant] UNIQUE ([user_id], [company_id])
);
END
GO

IF OBJECT_ID(N'[extraction_documentday]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_documentday] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [day] date NOT NULL,
    [company_id] nvarchar(50) NOT NULL,
    [state] nvarchar(20) NOT NULL,
    [documents] int NOT NULL CONSTRAINT extraction_documentday_documents_128a1b67_check CHECK ([documents] >= 0),
    [to_review] int NOT NULL CONSTRAINT extraction_documentday_to_review_13603795_check CHECK ([to_review] >= 0),
    CONSTRAINT [unique_document_day] UNIQUE ([day], [company_id], [state])
);
END
GO

IF OBJECT_ID(N'[extraction_erasure]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_erasure] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [scope] nvarchar(10) NOT NULL,
    [subject] nvarchar(100) NOT NULL,
    [pseudonym] nvarchar(20) NOT NULL,
    [asked_by] nvarchar(150) NOT NULL,
    [why] nvarchar(200) NOT NULL,
    [created_at] datetimeoffset NOT NULL,
    [ended_at] datetimeoffset NULL,
    [leased_until] datetimeoffset NOT NULL,
    [read_to] bigint NOT NULL,
    [documents] bigint NOT NULL,
    [corrections] bigint NOT NULL,
    [logs] bigint NOT NULL,
    [usage] bigint NOT NULL,
    [company_id] nvarchar(50) DEFAULT '' NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_exportprofile]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_exportprofile] (
    [id] nchar(32) NOT NULL PRIMARY KEY,
    [name] nvarchar(100) NOT NULL UNIQUE,
    [format] nvarchar(10) NOT NULL,
    [rows_per] nvarchar(10) NOT NULL,
    [separator] nvarchar(1) NOT NULL,
    [decimal_sign] nvarchar(1) NOT NULL,
    [date_format] nvarchar(10) NOT NULL,
    [byte_order_mark] bit NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_exportcolumn]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_exportcolumn] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [position] smallint NOT NULL CONSTRAINT extraction_exportcolumn_position_f0546ae2_check CHECK ([position] >= 0),
    [path] nvarchar(100) NOT NULL,
    [heading] nvarchar(100) NOT NULL,
    [profile_id] nchar(32) NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_externalidentity]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_externalidentity] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [digest] nvarchar(64) NOT NULL UNIQUE,
    [linked_at] datetimeoffset NOT NULL,
    [user_id] int NOT NULL UNIQUE
);
END
GO

IF OBJECT_ID(N'[extraction_failedattempts]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_failedattempts] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [subject] nvarchar(100) NOT NULL UNIQUE,
    [failures] int NOT NULL CONSTRAINT extraction_failedattempts_failures_7ab753e0_check CHECK ([failures] >= 0),
    [last_at] datetimeoffset NOT NULL,
    [locked_until] datetimeoffset NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_promptcost]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_promptcost] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [model] nvarchar(100) NOT NULL,
    [prompt_version] nvarchar(64) NOT NULL,
    [tokens] bigint NOT NULL,
    CONSTRAINT [unique_prompt_cost] UNIQUE ([model], [prompt_version])
);
END
GO

IF OBJECT_ID(N'[extraction_queuepause]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_queuepause] (
    [id] smallint NOT NULL PRIMARY KEY CONSTRAINT extraction_queuepause_id_8484414c_check CHECK ([id] >= 0),
    [paused_at] datetimeoffset NOT NULL,
    [paused_by] nvarchar(150) NOT NULL,
    [reason] nvarchar(200) NOT NULL,
    CONSTRAINT [one_queue_pause] CHECK ([id] = 1)
);
END
GO

IF OBJECT_ID(N'[extraction_recoverycode]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_recoverycode] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [digest] nvarchar(64) NOT NULL,
    [authenticator_id] bigint NOT NULL,
    CONSTRAINT [extraction_recovery_code] UNIQUE ([authenticator_id], [digest])
);
END
GO

IF OBJECT_ID(N'[extraction_role]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_role] (
    [name] nvarchar(50) NOT NULL PRIMARY KEY,
    [given] nvarchar(max) NOT NULL CONSTRAINT extraction_role_given_04765773_check CHECK ((ISJSON ("given") = 1)),
    [group_id] int NULL
);
END
GO

IF OBJECT_ID(N'[extraction_webhookendpoint]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_webhookendpoint] (
    [id] nchar(32) NOT NULL PRIMARY KEY,
    [company_id] nvarchar(50) NOT NULL,
    [client] nvarchar(200) NOT NULL,
    [url] nvarchar(500) NOT NULL,
    [events] nvarchar(300) NOT NULL,
    [secret] nvarchar(1000) NOT NULL,
    [old_secret] nvarchar(1000) NOT NULL,
    [old_secret_until] datetimeoffset NULL,
    [enabled] bit NOT NULL,
    [disabled_reason] nvarchar(200) NOT NULL,
    [failing_since] datetimeoffset NULL,
    [last_success_at] datetimeoffset NULL,
    [created_at] datetimeoffset NOT NULL,
    [created_by] nvarchar(200) NOT NULL,
    [alert_kinds] nvarchar(200) DEFAULT '' NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_webhookdelivery]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_webhookdelivery] (
    [id] nchar(32) NOT NULL PRIMARY KEY,
    [event] nvarchar(50) NOT NULL,
    [event_key] nvarchar(200) NOT NULL,
    [extraction_id] nchar(32) NULL,
    [body] nvarchar(max) NOT NULL,
    [state] nvarchar(20) NOT NULL,
    [attempts] int NOT NULL CONSTRAINT extraction_webhookdelivery_attempts_16470d4f_check CHECK ([attempts] >= 0),
    [created_at] datetimeoffset NOT NULL,
    [due_at] datetimeoffset NOT NULL,
    [give_up_at] datetimeoffset NOT NULL,
    [ended_at] datetimeoffset NULL,
    [lease_id] nchar(32) NULL,
    [leased_until] datetimeoffset NULL,
    [endpoint_id] nchar(32) NOT NULL,
    CONSTRAINT [webhook_event_once] UNIQUE ([endpoint_id], [event_key])
);
END
GO

IF OBJECT_ID(N'[extraction_webhookattempt]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_webhookattempt] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [number] int NOT NULL CONSTRAINT extraction_webhookattempt_number_454936b0_check CHECK ([number] >= 0),
    [started_at] datetimeoffset NOT NULL,
    [milliseconds] int NOT NULL CONSTRAINT extraction_webhookattempt_milliseconds_44c52dfd_check CHECK ([milliseconds] >= 0),
    [status_code] smallint NULL CONSTRAINT extraction_webhookattempt_status_code_1e3402fd_check CHECK ([status_code] >= 0),
    [error] nvarchar(200) NOT NULL,
    [answer] nvarchar(500) NOT NULL,
    [delivery_id] nchar(32) NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_worker]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_worker] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [name] nvarchar(300) NOT NULL UNIQUE,
    [host] nvarchar(255) NOT NULL,
    [process_id] int NOT NULL CONSTRAINT extraction_worker_process_id_41f7ca03_check CHECK ([process_id] >= 0),
    [version] nvarchar(50) NOT NULL,
    [since] datetimeoffset NOT NULL,
    [last_sign] datetimeoffset NOT NULL,
    [processes] int NOT NULL CONSTRAINT extraction_worker_processes_ec3b1d3e_check CHECK ([processes] >= 0),
    [busy] int NOT NULL CONSTRAINT extraction_worker_busy_5bb80c33_check CHECK ([busy] >= 0),
    [last_extraction] nchar(32) NULL,
    [last_taken_at] datetimeoffset NULL,
    [state] nvarchar(20) DEFAULT 'running' NOT NULL,
    [to_drain] bit DEFAULT 0 NOT NULL
);
END
GO

IF OBJECT_ID(N'[ApplicationLogs]', N'U') IS NULL
BEGIN
CREATE TABLE [ApplicationLogs] (
    [LogID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Timestamp] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [LogLevel] nvarchar(20) NOT NULL,
    [Logger] nvarchar(255) NOT NULL,
    [Message] nvarchar(max) NOT NULL,
    [Exception] nvarchar(max) NULL,
    [Module] nvarchar(255) NULL,
    [FunctionName] nvarchar(255) NULL,
    [LineNumber] int NULL,
    [RequestID] nvarchar(36) NULL,
    [ExtractionID] nchar(32) NULL,
    [CompanyID] nvarchar(50) NULL,
    [Fingerprint] nvarchar(64) NULL,
    [Host] nvarchar(255) NULL,
    [ProcessID] int NULL,
    [UserName] nvarchar(150) NULL
);
END
GO

IF OBJECT_ID(N'[AuditEntries]', N'U') IS NULL
BEGIN
CREATE TABLE [AuditEntries] (
    [EntryID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Timestamp] datetimeoffset NOT NULL,
    [ActorKind] nvarchar(10) NOT NULL,
    [Actor] nvarchar(150) NOT NULL,
    [Action] nvarchar(20) NOT NULL,
    [ObjectType] nvarchar(50) NOT NULL,
    [ObjectID] nvarchar(100) NOT NULL,
    [ObjectName] nvarchar(255) NOT NULL,
    [CompanyID] nvarchar(50) NULL,
    [FromValue] nvarchar(max) NOT NULL,
    [ToValue] nvarchar(max) NOT NULL,
    [Why] nvarchar(500) NOT NULL,
    [RequestID] nvarchar(36) NULL,
    [Address] nvarchar(45) NULL
);
END
GO

IF OBJECT_ID(N'[AuditedExtractions]', N'U') IS NULL
BEGIN
CREATE TABLE [AuditedExtractions] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [ExtractionID] nchar(32) NOT NULL,
    [EntryID] bigint NOT NULL
);
END
GO

IF OBJECT_ID(N'[ErrorDigests]', N'U') IS NULL
BEGIN
CREATE TABLE [ErrorDigests] (
    [CreatedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [ClaimedUntil] datetimeoffset NULL,
    [SentAt] datetimeoffset NULL,
    [DigestID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1)
);
END
GO

IF OBJECT_ID(N'[ErrorGroups]', N'U') IS NULL
BEGIN
CREATE TABLE [ErrorGroups] (
    [GroupID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Fingerprint] nvarchar(64) NOT NULL UNIQUE,
    [ExceptionType] nvarchar(255) NOT NULL,
    [Place] nvarchar(500) NOT NULL,
    [Logger] nvarchar(255) NOT NULL,
    [Message] nvarchar(max) NOT NULL,
    [RecordCount] bigint NOT NULL,
    [FirstSeen] datetimeoffset NOT NULL,
    [LastSeen] datetimeoffset NOT NULL,
    [DigestID] bigint NULL
);
END
GO

IF OBJECT_ID(N'[ErrorSubscriptions]', N'U') IS NULL
BEGIN
CREATE TABLE [ErrorSubscriptions] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [daily_digest] bit DEFAULT 0 NOT NULL,
    [user_id] int NOT NULL UNIQUE
);
END
GO

IF OBJECT_ID(N'[logs_enteredfile]', N'U') IS NULL
BEGIN
CREATE TABLE [logs_enteredfile] (
    [name] nvarchar(64) NOT NULL PRIMARY KEY,
    [entered_at] datetimeoffset NOT NULL
);
END
GO

IF OBJECT_ID(N'[logs_loggerlevel]', N'U') IS NULL
BEGIN
CREATE TABLE [logs_loggerlevel] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [logger] nvarchar(255) NOT NULL UNIQUE,
    [level] nvarchar(20) NOT NULL
);
END
GO

IF OBJECT_ID(N'[RetentionRuns]', N'U') IS NULL
BEGIN
CREATE TABLE [RetentionRuns] (
    [RunID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [What] nvarchar(20) NOT NULL,
    [StartedAt] datetimeoffset NOT NULL,
    [EndedAt] datetimeoffset NULL,
    [Cutoff] datetimeoffset NOT NULL,
    [Archived] bigint NOT NULL,
    [Deleted] bigint NOT NULL,
    [Bytes] bigint NOT NULL,
    [Files] nvarchar(max) NOT NULL,
    [IsComplete] bit NOT NULL,
    [Error] nvarchar(max) NOT NULL
);
END
GO

IF OBJECT_ID(N'[rest_framework_api_key_apikey]', N'U') IS NULL
BEGIN
CREATE TABLE [rest_framework_api_key_apikey] (
    [id] nvarchar(150) NOT NULL PRIMARY KEY,
    [created] datetimeoffset NOT NULL,
    [name] nvarchar(50) NOT NULL,
    [revoked] bit NOT NULL,
    [expiry_date] datetimeoffset NULL,
    [hashed_key] nvarchar(150) NOT NULL,
    [prefix] nvarchar(8) NOT NULL UNIQUE
);
END
GO

IF OBJECT_ID(N'[django_session]', N'U') IS NULL
BEGIN
CREATE TABLE [django_session] (
    [session_key] nvarchar(40) NOT NULL PRIMARY KEY,
    [session_data] nvarchar(max) NOT NULL,
    [expire_date] datetimeoffset NOT NULL
);
END
GO

IF OBJECT_ID(N'[AlertRecipients]', N'U') IS NULL
BEGIN
CREATE TABLE [AlertRecipients] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [address] nvarchar(254) NOT NULL,
    [company_id] nvarchar(50) NOT NULL,
    [kind] nvarchar(20) NOT NULL,
    [user_id] int NULL,
    CONSTRAINT [CK_AlertRecipients_OneOf] CHECK ((([user_id] IS NULL OR [address] = '') AND 1 = (CASE WHEN [user_id] IS NULL THEN 1 ELSE 0 END + CASE WHEN [address] = '' THEN 1 ELSE 0 END)))
);
END
GO

IF OBJECT_ID(N'[AlertSubscriptions]', N'U') IS NULL
BEGIN
CREATE TABLE [AlertSubscriptions] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [threshold_alerts] bit NOT NULL,
    [user_id] int NOT NULL UNIQUE,
    [ledger_alerts] bit DEFAULT 0 NOT NULL
);
END
GO

IF OBJECT_ID(N'[Companies]', N'U') IS NULL
BEGIN
CREATE TABLE [Companies] (
    [CompanyID] nvarchar(50) NOT NULL PRIMARY KEY,
    [FoldedID] nvarchar(150) NOT NULL UNIQUE,
    [CompanyName] nvarchar(200) NOT NULL,
    [TimeZone] nvarchar(64) NOT NULL,
    [Branches] nvarchar(max) NOT NULL,
    [DefaultReader] nvarchar(20) NOT NULL,
    [DefaultModel] nvarchar(100) NOT NULL,
    [ExportAs] nvarchar(100) NOT NULL,
    [OtherSpellings] nvarchar(max) NOT NULL CONSTRAINT Companies_OtherSpellings_2e7d8fa4_check CHECK ((ISJSON ("OtherSpellings") = 1)),
    [CreatedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [ClosedAt] datetimeoffset NULL
);
END
GO

IF OBJECT_ID(N'[extraction_staffcompany]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_staffcompany] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [company_id] nvarchar(50) NOT NULL,
    [user_id] int NOT NULL,
    CONSTRAINT [unique_staff_company] UNIQUE ([user_id], [company_id])
);
END
GO

IF OBJECT_ID(N'[Installation]', N'U') IS NULL
BEGIN
CREATE TABLE [Installation] (
    [Key] smallint NOT NULL PRIMARY KEY CONSTRAINT Installation_Key_07ddb5df_check CHECK ([Key] >= 0),
    [InstallationID] nchar(32) NOT NULL
);
END
GO

IF OBJECT_ID(N'[LedgerAlerts]', N'U') IS NULL
BEGIN
CREATE TABLE [LedgerAlerts] (
    [AlertID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [CreatedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [ClaimedUntil] datetimeoffset NULL,
    [SentAt] datetimeoffset NULL,
    [Findings] nvarchar(max) NOT NULL,
    [Fingerprint] nvarchar(64) NOT NULL,
    [ResolvedAt] datetimeoffset NULL
);
END
GO

IF OBJECT_ID(N'[ModelPrices]', N'U') IS NULL
BEGIN
CREATE TABLE [ModelPrices] (
    [PriceID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Model] nvarchar(100) NOT NULL,
    [ValidFrom] datetimeoffset NOT NULL,
    [InputPrice] numeric(14, 4) NOT NULL,
    [CachedInputPrice] numeric(14, 4) NOT NULL,
    [OutputPrice] numeric(14, 4) NOT NULL,
    [Currency] nvarchar(3) DEFAULT 'USD' NOT NULL,
    [Source] nvarchar(300) DEFAULT '' NOT NULL,
    [LongCachedInputPrice] numeric(14, 4) NULL,
    [LongInputPrice] numeric(14, 4) NULL,
    [LongOutputPrice] numeric(14, 4) NULL,
    [LongPrompt] bigint NULL,
    CONSTRAINT [UQ_ModelPrices_Moment] UNIQUE ([Model], [ValidFrom]),
    CONSTRAINT [CK_ModelPrices_Long] CHECK ((([LongCachedInputPrice] IS NULL AND [LongInputPrice] IS NULL AND [LongOutputPrice] IS NULL AND [LongPrompt] IS NULL) OR ([LongCachedInputPrice] IS NOT NULL AND [LongInputPrice] IS NOT NULL AND [LongOutputPrice] IS NOT NULL AND [LongPrompt] IS NOT NULL)))
);
END
GO

IF OBJECT_ID(N'[PendingWipes]', N'U') IS NULL
BEGIN
CREATE TABLE [PendingWipes] (
    [WipeID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [CreatedAt] datetimeoffset NOT NULL
);
END
GO

IF OBJECT_ID(N'[SiteAlerts]', N'U') IS NULL
BEGIN
CREATE TABLE [SiteAlerts] (
    [CreatedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [ClaimedUntil] datetimeoffset NULL,
    [SentAt] datetimeoffset NULL,
    [AlertID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Kind] nvarchar(20) NOT NULL,
    [CompanyID] nvarchar(50) NOT NULL,
    [Subject] nvarchar(200) NOT NULL,
    [Text] nvarchar(500) NOT NULL,
    [ResolvedAt] datetimeoffset NULL,
    [ToldAt] datetimeoffset NULL
);
END
GO

IF OBJECT_ID(N'[TokenMaster]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenMaster] (
    [TokenID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [CompanyID] nvarchar(50) NOT NULL,
    [CompanyName] nvarchar(200) NULL,
    [ApiKey] nvarchar(1000) NOT NULL,
    [Provider] nvarchar(100) NOT NULL,
    [TotalTokenLimit] bigint DEFAULT 100000 NOT NULL,
    [Status] nvarchar(50) DEFAULT 'Active' NOT NULL,
    [CreatedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [Model] nvarchar(100) NULL,
    [ExpiresAt] datetimeoffset NULL,
    [KeyFingerprint] nvarchar(64) NULL,
    [StatusReason] nvarchar(200) NULL,
    [MaxConcurrentCalls] int NULL CONSTRAINT TokenMaster_MaxConcurrentCalls_4b6ae161_check CHECK ([MaxConcurrentCalls] >= 0),
    [Project] nvarchar(100) NULL,
    [RequestsPerMinute] int NULL CONSTRAINT TokenMaster_RequestsPerMinute_2105ce5f_check CHECK ([RequestsPerMinute] >= 0)
);
END
GO

IF OBJECT_ID(N'[extraction_extraction]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_extraction] (
    [id] nchar(32) NOT NULL PRIMARY KEY,
    [company_id] nvarchar(50) NOT NULL,
    [branch] nvarchar(50) NOT NULL,
    [requested_by] nvarchar(100) NOT NULL,
    [licence_id] nvarchar(100) NOT NULL,
    [client] nvarchar(200) NOT NULL,
    [dedup_key] nvarchar(120) NULL,
    [file] nvarchar(100) NOT NULL,
    [file_name] nvarchar(255) NOT NULL,
    [sha256] nvarchar(64) NOT NULL,
    [media_type] nvarchar(50) NOT NULL,
    [size] bigint NOT NULL,
    [page_count] int NOT NULL CONSTRAINT extraction_extraction_page_count_3033259b_check CHECK ([page_count] >= 0),
    [state] nvarchar(20) NOT NULL,
    [attempts] int NOT NULL CONSTRAINT extraction_extraction_attempts_4ac44362_check CHECK ([attempts] >= 0),
    [attempts_before] int NOT NULL CONSTRAINT extraction_extraction_attempts_before_278bbd70_check CHECK ([attempts_before] >= 0),
    [deaths] int NOT NULL CONSTRAINT extraction_extraction_deaths_cb9d91c2_check CHECK ([deaths] >= 0),
    [lease_id] nchar(32) NULL,
    [leased_until] datetimeoffset NULL,
    [due_at] datetimeoffset NOT NULL,
    [deadline] datetimeoffset NULL,
    [result] nvarchar(max) NULL CONSTRAINT extraction_extraction_result_3c57870f_check CHECK ((ISJSON ("result") = 1)),
    [needs_review] bit NOT NULL,
    [checks] nvarchar(max) NULL CONSTRAINT extraction_extraction_checks_88acf6e2_check CHECK ((ISJSON ("checks") = 1)),
    [http_status] smallint NULL CONSTRAINT extraction_extraction_http_status_887e3be3_check CHECK ([http_status] >= 0),
    [error_code] nvarchar(50) NOT NULL,
    [error_message] nvarchar(200) NOT NULL,
    [error_detail] nvarchar(max) NOT NULL,
    [model] nvarchar(100) NOT NULL,
    [created_at] datetimeoffset NOT NULL,
    [started_at] datetimeoffset NULL,
    [finished_at] datetimeoffset NULL,
    [timings] nvarchar(max) NULL CONSTRAINT extraction_extraction_timings_09751b53_check CHECK ((ISJSON ("timings") = 1)),
    [token_id] bigint NULL,
    [worker] nvarchar(300) NULL,
    [files_removed_at] datetimeoffset NULL,
    [retry_after_at] datetimeoffset NULL,
    [claimed_at] datetimeoffset NULL,
    [reader] nvarchar(20) DEFAULT 'auto' NOT NULL,
    [currency] nvarchar(3) NULL,
    [document_type] nvarchar(20) NULL,
    [due_date] date NULL,
    [duplicate_of] nchar(32) NULL,
    [invoice_date] date NULL,
    [invoice_number] nvarchar(100) NULL,
    [reviewed_at] datetimeoffset NULL,
    [reviewed_by] nvarchar(100) NULL,
    [supplier_name] nvarchar(255) NULL,
    [supplier_tax_id] nvarchar(50) NULL,
    [total_amount] numeric(24, 6) NULL,
    [claimed_for_review_by] nvarchar(200) NULL,
    [claimed_for_review_until] datetimeoffset NULL,
    [original] nvarchar(max) NULL CONSTRAINT extraction_extraction_original_29cdc6f4_check CHECK ((ISJSON ("original") = 1)),
    [rejection] nvarchar(500) DEFAULT '' NOT NULL,
    [version] int DEFAULT 0 NOT NULL CONSTRAINT extraction_extraction_version_abef81e7_check CHECK ([version] >= 0),
    [chosen_key_id] bigint NULL,
    [chosen_reader] nvarchar(20) DEFAULT '' NOT NULL,
    [deleted_at] datetimeoffset NULL,
    [deleted_by] nvarchar(100) NULL,
    [purged_at] datetimeoffset NULL,
    [batch] nchar(32) NULL,
    [page_turns] nvarchar(max) NULL CONSTRAINT extraction_extraction_page_turns_80fbab4a_check CHECK ((ISJSON ("page_turns") = 1)),
    [channel] nvarchar(10) DEFAULT '' NOT NULL,
    [received_from] nvarchar(45) NULL,
    [received_in] nvarchar(36) NULL,
    [erased_at] datetimeoffset NULL
);
END
GO

IF OBJECT_ID(N'[extraction_attempt]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_attempt] (
    [id] nchar(32) NOT NULL PRIMARY KEY,
    [number] int NOT NULL CONSTRAINT extraction_attempt_number_db1f4b6a_check CHECK ([number] >= 0),
    [model] nvarchar(100) NOT NULL,
    [reserved] bigint NOT NULL,
    [outcome] nvarchar(20) NOT NULL,
    [failure] nvarchar(20) NOT NULL,
    [code] nvarchar(50) NOT NULL,
    [started_at] datetimeoffset NOT NULL,
    [finished_at] datetimeoffset NULL,
    [token_id] bigint NOT NULL,
    [extraction_id] nchar(32) NOT NULL,
    [correction] nvarchar(max) DEFAULT '' NOT NULL,
    [output_budget] bigint DEFAULT 0 NOT NULL,
    [repairs_id] nchar(32) NULL,
    [asked_wait] double precision NULL,
    CONSTRAINT [unique_attempt_number] UNIQUE ([extraction_id], [number])
);
END
GO

IF OBJECT_ID(N'[extraction_correction]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_correction] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [version] int NOT NULL CONSTRAINT extraction_correction_version_ccb08218_check CHECK ([version] >= 0),
    [path] nvarchar(100) NOT NULL,
    [old_value] nvarchar(max) NULL CONSTRAINT extraction_correction_old_value_da247e94_check CHECK ((ISJSON ("old_value") = 1)),
    [new_value] nvarchar(max) NULL CONSTRAINT extraction_correction_new_value_93b020ba_check CHECK ((ISJSON ("new_value") = 1)),
    [corrected_by] nvarchar(100) NOT NULL,
    [client] nvarchar(200) NOT NULL,
    [created_at] datetimeoffset NOT NULL,
    [extraction_id] nchar(32) NOT NULL
);
END
GO

IF OBJECT_ID(N'[extraction_earlierdocument]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_earlierdocument] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [batch] nchar(32) NOT NULL,
    [client] nvarchar(200) NOT NULL,
    [created_at] datetimeoffset NOT NULL,
    [extraction_id] nchar(32) NOT NULL,
    CONSTRAINT [unique_earlier_document] UNIQUE ([batch], [extraction_id])
);
END
GO

IF OBJECT_ID(N'[extraction_idempotencykey]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_idempotencykey] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [client] nvarchar(200) NOT NULL,
    [key] nvarchar(200) NOT NULL,
    [created_at] datetimeoffset NOT NULL,
    [extraction_id] nchar(32) NULL,
    [request] nvarchar(64) DEFAULT '' NOT NULL,
    [made] nvarchar(100) DEFAULT '' NOT NULL,
    CONSTRAINT [unique_idempotency_key] UNIQUE ([client], [key])
);
END
GO

IF OBJECT_ID(N'[extraction_label]', N'U') IS NULL
BEGIN
CREATE TABLE [extraction_label] (
    [id] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [key] nvarchar(50) NOT NULL,
    [value] nvarchar(200) NOT NULL,
    [extraction_id] nchar(32) NOT NULL
);
END
GO

IF OBJECT_ID(N'[RetryAttempts]', N'U') IS NULL
BEGIN
CREATE TABLE [RetryAttempts] (
    [RetryID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [CompanyID] nvarchar(50) NOT NULL,
    [Attempt] int NOT NULL,
    [ErrorMessage] nvarchar(max) NOT NULL,
    [IsRetryable] bit NOT NULL,
    [Timestamp] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [ExtractionID] nchar(32) NULL,
    [AttemptsAllowed] int NULL,
    [ErrorCode] nvarchar(50) NULL,
    [DelaySeconds] double precision NULL,
    [TokenID] bigint NULL,
    [ErrorClass] nvarchar(20) NULL,
    [ProviderCode] nvarchar(100) NULL
);
END
GO

IF OBJECT_ID(N'[TokenCoolDowns]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenCoolDowns] (
    [CoolDownID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Project] nvarchar(100) NULL,
    [Reason] nvarchar(200) NOT NULL,
    [TokenID] bigint NULL,
    [ClosedUntil] datetimeoffset NOT NULL,
    [Probing] bit DEFAULT 0 NOT NULL,
    CONSTRAINT [CK_TokenCoolDowns_OneScope] CHECK ((([TokenID] IS NULL OR [Project] IS NULL) AND 1 = (CASE WHEN [TokenID] IS NULL THEN 1 ELSE 0 END + CASE WHEN [Project] IS NULL THEN 1 ELSE 0 END)))
);
END
GO

IF OBJECT_ID(N'[Quotas]', N'U') IS NULL
BEGIN
CREATE TABLE [Quotas] (
    [QuotaID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Period] nvarchar(10) NOT NULL,
    [Unit] nvarchar(10) NOT NULL,
    [QuotaLimit] bigint NOT NULL,
    [FirstDay] smallint DEFAULT 1 NOT NULL CONSTRAINT Quotas_FirstDay_95b0d5d6_check CHECK ([FirstDay] >= 0),
    [RaisedBy] bigint DEFAULT 0 NOT NULL,
    [RaisedUntil] datetimeoffset NULL,
    [CreatedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [CompanyID] nvarchar(50) NULL,
    [TokenID] bigint NULL,
    [Currency] nvarchar(3) DEFAULT '' NOT NULL,
    CONSTRAINT [CK_Quotas_OneScope] CHECK ((([TokenID] IS NULL OR [CompanyID] IS NULL) AND 1 = (CASE WHEN [TokenID] IS NULL THEN 1 ELSE 0 END + CASE WHEN [CompanyID] IS NULL THEN 1 ELSE 0 END))),
    CONSTRAINT [CK_Quotas_RaiseEnds] CHECK (([RaisedBy] = 0 OR [RaisedUntil] IS NOT NULL)),
    CONSTRAINT [CK_Quotas_Currency] CHECK ((([Unit] = 'money' OR [Currency] = '') AND 1 = (CASE WHEN [Unit] = 'money' THEN 1 ELSE 0 END + CASE WHEN [Currency] = '' THEN 1 ELSE 0 END)))
);
END
GO

IF OBJECT_ID(N'[QuotaChanges]', N'U') IS NULL
BEGIN
CREATE TABLE [QuotaChanges] (
    [ChangeID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Quota] nvarchar(50) NOT NULL,
    [What] nvarchar(10) NOT NULL,
    [FromValue] nvarchar(100) NOT NULL,
    [ToValue] nvarchar(100) NOT NULL,
    [Actor] nvarchar(150) NOT NULL,
    [Reason] nvarchar(200) NOT NULL,
    [ChangedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [CompanyID] nvarchar(50) NULL,
    [TokenID] bigint NULL
);
END
GO

IF OBJECT_ID(N'[QuotaSums]', N'U') IS NULL
BEGIN
CREATE TABLE [QuotaSums] (
    [SumID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [StartsAt] datetimeoffset NOT NULL,
    [EndsAt] datetimeoffset NULL,
    [Used] bigint NOT NULL,
    [Reserved] bigint NOT NULL,
    [QuotaID] bigint NOT NULL,
    CONSTRAINT [UQ_QuotaSums_Period] UNIQUE ([QuotaID], [StartsAt])
);
END
GO

IF OBJECT_ID(N'[TokenRecentCalls]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenRecentCalls] (
    [CallID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [BeganAt] datetimeoffset NOT NULL,
    [TokenID] bigint NOT NULL
);
END
GO

IF OBJECT_ID(N'[TokenAlerts]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenAlerts] (
    [AlertID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Threshold] bigint NOT NULL,
    [TotalTokenLimit] bigint NOT NULL,
    [RemainingTokens] bigint NOT NULL,
    [CreatedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [ClaimedUntil] datetimeoffset NULL,
    [SentAt] datetimeoffset NULL,
    [TokenID] bigint NOT NULL,
    [ToldAt] datetimeoffset NULL,
    CONSTRAINT [UQ_TokenAlerts_Once] UNIQUE ([TokenID], [Threshold], [TotalTokenLimit])
);
END
GO

IF OBJECT_ID(N'[TokenChanges]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenChanges] (
    [ChangeID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [What] nvarchar(10) NOT NULL,
    [FromValue] nvarchar(50) NOT NULL,
    [ToValue] nvarchar(50) NOT NULL,
    [Actor] nvarchar(150) NOT NULL,
    [Reason] nvarchar(200) NOT NULL,
    [ChangedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [TokenID] bigint NOT NULL
);
END
GO

IF OBJECT_ID(N'[TokenReservations]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenReservations] (
    [AttemptID] nchar(32) NOT NULL PRIMARY KEY,
    [Amount] bigint NOT NULL,
    [LeasedUntil] datetimeoffset NOT NULL,
    [CreatedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [TokenID] bigint NOT NULL,
    [CostUnits] bigint NULL,
    [Currency] nvarchar(3) NULL
);
END
GO

IF OBJECT_ID(N'[TokenUsageLogs]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenUsageLogs] (
    [UsageID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Branch] nvarchar(50) DEFAULT 'Default' NOT NULL,
    [RequestedBy] nvarchar(100) DEFAULT 'System' NOT NULL,
    [InputTokens] bigint DEFAULT 0 NOT NULL,
    [OutputTokens] bigint DEFAULT 0 NOT NULL,
    [TextPromptTokens] bigint DEFAULT 0 NOT NULL,
    [ImagePromptTokens] bigint DEFAULT 0 NOT NULL,
    [TextCandidatesTokens] bigint DEFAULT 0 NOT NULL,
    [TotalTokensUsed] bigint DEFAULT 0 NOT NULL,
    [RequestCount] int DEFAULT 1 NOT NULL,
    [LoggedAt] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [ThinkingTokens] bigint DEFAULT 0 NOT NULL,
    [CachedTokens] bigint DEFAULT 0 NOT NULL,
    [AttemptID] nchar(32) NULL,
    [CompanyID] nvarchar(50) NULL,
    [Estimated] bit DEFAULT 0 NOT NULL,
    [TokenID] bigint NULL,
    [KeyFingerprint] nvarchar(64) NULL,
    [Cost] numeric(24, 10) NULL,
    [Currency] nvarchar(3) NULL,
    [Model] nvarchar(100) NULL,
    [BeganAt] datetimeoffset NULL
);
END
GO

IF OBJECT_ID(N'[TokenUsageSummary]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenUsageSummary] (
    [SummaryID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [TotalUsedTokens] bigint DEFAULT 0 NOT NULL,
    [TotalRemainingTokens] bigint DEFAULT 100000 NOT NULL,
    [Threshold] bigint DEFAULT 3000 NOT NULL,
    [LastUpdated] datetimeoffset DEFAULT (SYSUTCDATETIME()) NOT NULL,
    [ReservedTokens] bigint DEFAULT 0 NOT NULL,
    [TokenID] bigint NOT NULL UNIQUE,
    [QuotaFree] bit NULL
);
END
GO

IF OBJECT_ID(N'[TokenUsageDays]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenUsageDays] (
    [UsageDayID] bigint NOT NULL PRIMARY KEY IDENTITY (1, 1),
    [Day] date NOT NULL,
    [CompanyID] nvarchar(50) NOT NULL,
    [TokenID] bigint NOT NULL,
    [Model] nvarchar(100) NOT NULL,
    [Currency] nvarchar(3) NOT NULL,
    [Requests] bigint NOT NULL,
    [InputTokens] bigint NOT NULL,
    [CachedTokens] bigint NOT NULL,
    [OutputTokens] bigint NOT NULL,
    [ThinkingTokens] bigint NOT NULL,
    [TotalTokens] bigint NOT NULL,
    [CostUnits] bigint NOT NULL,
    CONSTRAINT [UQ_TokenUsageDays] UNIQUE ([Day], [CompanyID], [TokenID], [Model], [Currency])
);
END
GO

IF OBJECT_ID(N'[TokenUsageDayAudit]', N'U') IS NULL
BEGIN
CREATE TABLE [TokenUsageDayAudit] (
    [AuditID] smallint NOT NULL PRIMARY KEY CONSTRAINT TokenUsageDayAudit_AuditID_c2cb6fc1_check CHECK ([AuditID] >= 0),
    [CheckedFrom] date NULL,
    [IsFilled] bit DEFAULT 0 NOT NULL,
    CONSTRAINT [CK_UsageDayAudit_One] CHECK ([AuditID] = 1)
);
END
GO

IF OBJECT_ID(N'[AlertRecipients_user_id_82d4544f_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [AlertRecipients] ADD CONSTRAINT [AlertRecipients_user_id_82d4544f_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[AlertSubscriptions_user_id_1ec0cabf_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [AlertSubscriptions] ADD CONSTRAINT [AlertSubscriptions_user_id_1ec0cabf_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[AuditedExtractions_EntryID_da2a0e3d_fk_AuditEntries_EntryID]') IS NULL
BEGIN
ALTER TABLE [AuditedExtractions] ADD CONSTRAINT [AuditedExtractions_EntryID_da2a0e3d_fk_AuditEntries_EntryID] FOREIGN KEY ([EntryID]) REFERENCES [AuditEntries] ([EntryID]);
END
GO

IF OBJECT_ID(N'[ErrorGroups_DigestID_bf0a584d_fk_ErrorDigests_DigestID]') IS NULL
BEGIN
ALTER TABLE [ErrorGroups] ADD CONSTRAINT [ErrorGroups_DigestID_bf0a584d_fk_ErrorDigests_DigestID] FOREIGN KEY ([DigestID]) REFERENCES [ErrorDigests] ([DigestID]);
END
GO

IF OBJECT_ID(N'[ErrorSubscriptions_user_id_517777ff_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [ErrorSubscriptions] ADD CONSTRAINT [ErrorSubscriptions_user_id_517777ff_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[QuotaChanges_CompanyID_e39277ce_fk_Companies_CompanyID]') IS NULL
BEGIN
ALTER TABLE [QuotaChanges] ADD CONSTRAINT [QuotaChanges_CompanyID_e39277ce_fk_Companies_CompanyID] FOREIGN KEY ([CompanyID]) REFERENCES [Companies] ([CompanyID]);
END
GO

IF OBJECT_ID(N'[QuotaChanges_TokenID_31199dd0_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [QuotaChanges] ADD CONSTRAINT [QuotaChanges_TokenID_31199dd0_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[QuotaSums_QuotaID_02cb0ccc_fk_Quotas_QuotaID]') IS NULL
BEGIN
ALTER TABLE [QuotaSums] ADD CONSTRAINT [QuotaSums_QuotaID_02cb0ccc_fk_Quotas_QuotaID] FOREIGN KEY ([QuotaID]) REFERENCES [Quotas] ([QuotaID]);
END
GO

IF OBJECT_ID(N'[Quotas_CompanyID_d131fa7c_fk_Companies_CompanyID]') IS NULL
BEGIN
ALTER TABLE [Quotas] ADD CONSTRAINT [Quotas_CompanyID_d131fa7c_fk_Companies_CompanyID] FOREIGN KEY ([CompanyID]) REFERENCES [Companies] ([CompanyID]);
END
GO

IF OBJECT_ID(N'[Quotas_TokenID_f97f5bb5_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [Quotas] ADD CONSTRAINT [Quotas_TokenID_f97f5bb5_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[RetryAttempts_TokenID_62fc803f_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [RetryAttempts] ADD CONSTRAINT [RetryAttempts_TokenID_62fc803f_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[TokenAlerts_TokenID_f7a9fdd6_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [TokenAlerts] ADD CONSTRAINT [TokenAlerts_TokenID_f7a9fdd6_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[TokenChanges_TokenID_ff96eb54_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [TokenChanges] ADD CONSTRAINT [TokenChanges_TokenID_ff96eb54_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[TokenCoolDowns_TokenID_818a1983_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [TokenCoolDowns] ADD CONSTRAINT [TokenCoolDowns_TokenID_818a1983_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[TokenRecentCalls_TokenID_f1ab7a45_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [TokenRecentCalls] ADD CONSTRAINT [TokenRecentCalls_TokenID_f1ab7a45_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[TokenReservations_TokenID_e0732ccd_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [TokenReservations] ADD CONSTRAINT [TokenReservations_TokenID_e0732ccd_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[TokenUsageLogs_TokenID_ec997c0c_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [TokenUsageLogs] ADD CONSTRAINT [TokenUsageLogs_TokenID_ec997c0c_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[TokenUsageSummary_TokenID_e5ff021a_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [TokenUsageSummary] ADD CONSTRAINT [TokenUsageSummary_TokenID_e5ff021a_fk_TokenMaster_TokenID] FOREIGN KEY ([TokenID]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[auth_group_permissions_group_id_b120cbf9_fk_auth_group_id]') IS NULL
BEGIN
ALTER TABLE [auth_group_permissions] ADD CONSTRAINT [auth_group_permissions_group_id_b120cbf9_fk_auth_group_id] FOREIGN KEY ([group_id]) REFERENCES [auth_group] ([id]);
END
GO

IF OBJECT_ID(N'[auth_group_permissions_permission_id_84c5c92e_fk_auth_permission_id]') IS NULL
BEGIN
ALTER TABLE [auth_group_permissions] ADD CONSTRAINT [auth_group_permissions_permission_id_84c5c92e_fk_auth_permission_id] FOREIGN KEY ([permission_id]) REFERENCES [auth_permission] ([id]);
END
GO

IF OBJECT_ID(N'[auth_permission_content_type_id_2f476e4b_fk_django_content_type_id]') IS NULL
BEGIN
ALTER TABLE [auth_permission] ADD CONSTRAINT [auth_permission_content_type_id_2f476e4b_fk_django_content_type_id] FOREIGN KEY ([content_type_id]) REFERENCES [django_content_type] ([id]);
END
GO

IF OBJECT_ID(N'[auth_user_groups_group_id_97559544_fk_auth_group_id]') IS NULL
BEGIN
ALTER TABLE [auth_user_groups] ADD CONSTRAINT [auth_user_groups_group_id_97559544_fk_auth_group_id] FOREIGN KEY ([group_id]) REFERENCES [auth_group] ([id]);
END
GO

IF OBJECT_ID(N'[auth_user_groups_user_id_6a12ed8b_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [auth_user_groups] ADD CONSTRAINT [auth_user_groups_user_id_6a12ed8b_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[auth_user_user_permissions_permission_id_1fbb5f2c_fk_auth_permission_id]') IS NULL
BEGIN
ALTER TABLE [auth_user_user_permissions] ADD CONSTRAINT [auth_user_user_permissions_permission_id_1fbb5f2c_fk_auth_permission_id] FOREIGN KEY ([permission_id]) REFERENCES [auth_permission] ([id]);
END
GO

IF OBJECT_ID(N'[auth_user_user_permissions_user_id_a95ead1b_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [auth_user_user_permissions] ADD CONSTRAINT [auth_user_user_permissions_user_id_a95ead1b_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[django_admin_log_content_type_id_c4bce8eb_fk_django_content_type_id]') IS NULL
BEGIN
ALTER TABLE [django_admin_log] ADD CONSTRAINT [django_admin_log_content_type_id_c4bce8eb_fk_django_content_type_id] FOREIGN KEY ([content_type_id]) REFERENCES [django_content_type] ([id]);
END
GO

IF OBJECT_ID(N'[django_admin_log_user_id_c564eba6_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [django_admin_log] ADD CONSTRAINT [django_admin_log_user_id_c564eba6_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_accountrule_user_id_15c7cdc1_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [extraction_accountrule] ADD CONSTRAINT [extraction_accountrule_user_id_15c7cdc1_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_apiclientcompany_client_id_79226577_fk_extraction_apiclient_id]') IS NULL
BEGIN
ALTER TABLE [extraction_apiclientcompany] ADD CONSTRAINT [extraction_apiclientcompany_client_id_79226577_fk_extraction_apiclient_id] FOREIGN KEY ([client_id]) REFERENCES [extraction_apiclient] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_apiclientkey_client_id_baf94233_fk_extraction_apiclient_id]') IS NULL
BEGIN
ALTER TABLE [extraction_apiclientkey] ADD CONSTRAINT [extraction_apiclientkey_client_id_baf94233_fk_extraction_apiclient_id] FOREIGN KEY ([client_id]) REFERENCES [extraction_apiclient] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_apiclientrequests_client_id_bc976540_fk_extraction_apiclient_id]') IS NULL
BEGIN
ALTER TABLE [extraction_apiclientrequests] ADD CONSTRAINT [extraction_apiclientrequests_client_id_bc976540_fk_extraction_apiclient_id] FOREIGN KEY ([client_id]) REFERENCES [extraction_apiclient] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_attempt_extraction_id_1ff889a2_fk_extraction_extraction_id]') IS NULL
BEGIN
ALTER TABLE [extraction_attempt] ADD CONSTRAINT [extraction_attempt_extraction_id_1ff889a2_fk_extraction_extraction_id] FOREIGN KEY ([extraction_id]) REFERENCES [extraction_extraction] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_attempt_repairs_id_19f595ac_fk_extraction_attempt_id]') IS NULL
BEGIN
ALTER TABLE [extraction_attempt] ADD CONSTRAINT [extraction_attempt_repairs_id_19f595ac_fk_extraction_attempt_id] FOREIGN KEY ([repairs_id]) REFERENCES [extraction_attempt] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_attempt_token_id_6376382c_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [extraction_attempt] ADD CONSTRAINT [extraction_attempt_token_id_6376382c_fk_TokenMaster_TokenID] FOREIGN KEY ([token_id]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[extraction_authenticator_user_id_9ee1f27b_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [extraction_authenticator] ADD CONSTRAINT [extraction_authenticator_user_id_9ee1f27b_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_companygrant_user_id_e09c84e0_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [extraction_companygrant] ADD CONSTRAINT [extraction_companygrant_user_id_e09c84e0_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_correction_extraction_id_8d300731_fk_extraction_extraction_id]') IS NULL
BEGIN
ALTER TABLE [extraction_correction] ADD CONSTRAINT [extraction_correction_extraction_id_8d300731_fk_extraction_extraction_id] FOREIGN KEY ([extraction_id]) REFERENCES [extraction_extraction] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_earlierdocument_extraction_id_1e72eb2a_fk_extraction_extraction_id]') IS NULL
BEGIN
ALTER TABLE [extraction_earlierdocument] ADD CONSTRAINT [extraction_earlierdocument_extraction_id_1e72eb2a_fk_extraction_extraction_id] FOREIGN KEY ([extraction_id]) REFERENCES [extraction_extraction] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_exportcolumn_profile_id_b70e3aed_fk_extraction_exportprofile_id]') IS NULL
BEGIN
ALTER TABLE [extraction_exportcolumn] ADD CONSTRAINT [extraction_exportcolumn_profile_id_b70e3aed_fk_extraction_exportprofile_id] FOREIGN KEY ([profile_id]) REFERENCES [extraction_exportprofile] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_externalidentity_user_id_599e09a2_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [extraction_externalidentity] ADD CONSTRAINT [extraction_externalidentity_user_id_599e09a2_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_extraction_chosen_key_id_ae8e47b9_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [extraction_extraction] ADD CONSTRAINT [extraction_extraction_chosen_key_id_ae8e47b9_fk_TokenMaster_TokenID] FOREIGN KEY ([chosen_key_id]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[extraction_extraction_token_id_77219595_fk_TokenMaster_TokenID]') IS NULL
BEGIN
ALTER TABLE [extraction_extraction] ADD CONSTRAINT [extraction_extraction_token_id_77219595_fk_TokenMaster_TokenID] FOREIGN KEY ([token_id]) REFERENCES [TokenMaster] ([TokenID]);
END
GO

IF OBJECT_ID(N'[extraction_idempotencykey_extraction_id_864b5de1_fk_extraction_extraction_id]') IS NULL
BEGIN
ALTER TABLE [extraction_idempotencykey] ADD CONSTRAINT [extraction_idempotencykey_extraction_id_864b5de1_fk_extraction_extraction_id] FOREIGN KEY ([extraction_id]) REFERENCES [extraction_extraction] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_label_extraction_id_b95e511e_fk_extraction_extraction_id]') IS NULL
BEGIN
ALTER TABLE [extraction_label] ADD CONSTRAINT [extraction_label_extraction_id_b95e511e_fk_extraction_extraction_id] FOREIGN KEY ([extraction_id]) REFERENCES [extraction_extraction] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_recoverycode_authenticator_id_620d44b3_fk_extraction_authenticator_id]') IS NULL
BEGIN
ALTER TABLE [extraction_recoverycode] ADD CONSTRAINT [extraction_recoverycode_authenticator_id_620d44b3_fk_extraction_authenticator_id] FOREIGN KEY ([authenticator_id]) REFERENCES [extraction_authenticator] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_role_group_id_45d33e65_fk_auth_group_id]') IS NULL
BEGIN
ALTER TABLE [extraction_role] ADD CONSTRAINT [extraction_role_group_id_45d33e65_fk_auth_group_id] FOREIGN KEY ([group_id]) REFERENCES [auth_group] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_staffcompany_company_id_92f2d8c5_fk_Companies_CompanyID]') IS NULL
BEGIN
ALTER TABLE [extraction_staffcompany] ADD CONSTRAINT [extraction_staffcompany_company_id_92f2d8c5_fk_Companies_CompanyID] FOREIGN KEY ([company_id]) REFERENCES [Companies] ([CompanyID]);
END
GO

IF OBJECT_ID(N'[extraction_staffcompany_user_id_3b256ab1_fk_auth_user_id]') IS NULL
BEGIN
ALTER TABLE [extraction_staffcompany] ADD CONSTRAINT [extraction_staffcompany_user_id_3b256ab1_fk_auth_user_id] FOREIGN KEY ([user_id]) REFERENCES [auth_user] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_webhookattempt_delivery_id_d3253d99_fk_extraction_webhookdelivery_id]') IS NULL
BEGIN
ALTER TABLE [extraction_webhookattempt] ADD CONSTRAINT [extraction_webhookattempt_delivery_id_d3253d99_fk_extraction_webhookdelivery_id] FOREIGN KEY ([delivery_id]) REFERENCES [extraction_webhookdelivery] ([id]);
END
GO

IF OBJECT_ID(N'[extraction_webhookdelivery_endpoint_id_9ea047a1_fk_extraction_webhookendpoint_id]') IS NULL
BEGIN
ALTER TABLE [extraction_webhookdelivery] ADD CONSTRAINT [extraction_webhookdelivery_endpoint_id_9ea047a1_fk_extraction_webhookendpoint_id] FOREIGN KEY ([endpoint_id]) REFERENCES [extraction_webhookendpoint] ([id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'AlertRecipients_user_id_82d4544f' AND object_id = OBJECT_ID(N'[AlertRecipients]'))
BEGIN
CREATE INDEX [AlertRecipients_user_id_82d4544f] ON [AlertRecipients] ([user_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'ApplicationLogs_ExtractionID_fb2d99d4' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [ApplicationLogs_ExtractionID_fb2d99d4] ON [ApplicationLogs] ([ExtractionID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'AuditedExtractions_EntryID_da2a0e3d' AND object_id = OBJECT_ID(N'[AuditedExtractions]'))
BEGIN
CREATE INDEX [AuditedExtractions_EntryID_da2a0e3d] ON [AuditedExtractions] ([EntryID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'AuditedExtractions_ExtractionID_60d08920' AND object_id = OBJECT_ID(N'[AuditedExtractions]'))
BEGIN
CREATE INDEX [AuditedExtractions_ExtractionID_60d08920] ON [AuditedExtractions] ([ExtractionID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'ErrorGroups_DigestID_bf0a584d' AND object_id = OBJECT_ID(N'[ErrorGroups]'))
BEGIN
CREATE INDEX [ErrorGroups_DigestID_bf0a584d] ON [ErrorGroups] ([DigestID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Audit_Action' AND object_id = OBJECT_ID(N'[AuditEntries]'))
BEGIN
CREATE INDEX [IX_Audit_Action] ON [AuditEntries] ([Action], [Timestamp] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Audit_Actor' AND object_id = OBJECT_ID(N'[AuditEntries]'))
BEGIN
CREATE INDEX [IX_Audit_Actor] ON [AuditEntries] ([Actor], [Timestamp] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Audit_Company' AND object_id = OBJECT_ID(N'[AuditEntries]'))
BEGIN
CREATE INDEX [IX_Audit_Company] ON [AuditEntries] ([CompanyID], [Timestamp] DESC) WHERE [CompanyID] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Audit_Object' AND object_id = OBJECT_ID(N'[AuditEntries]'))
BEGIN
CREATE INDEX [IX_Audit_Object] ON [AuditEntries] ([ObjectType], [ObjectID], [Timestamp] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Audit_Timestamp' AND object_id = OBJECT_ID(N'[AuditEntries]'))
BEGIN
CREATE INDEX [IX_Audit_Timestamp] ON [AuditEntries] ([Timestamp] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_ErrorGroups_LastSeen' AND object_id = OBJECT_ID(N'[ErrorGroups]'))
BEGIN
CREATE INDEX [IX_ErrorGroups_LastSeen] ON [ErrorGroups] ([LastSeen] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Logs_CompanyTime' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [IX_Logs_CompanyTime] ON [ApplicationLogs] ([CompanyID], [Timestamp] DESC) WHERE [CompanyID] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Logs_FingerprintTime' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [IX_Logs_FingerprintTime] ON [ApplicationLogs] ([Fingerprint], [Timestamp] DESC) WHERE [Fingerprint] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Logs_LevelTime' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [IX_Logs_LevelTime] ON [ApplicationLogs] ([LogLevel], [Timestamp] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Logs_LogLevel' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [IX_Logs_LogLevel] ON [ApplicationLogs] ([LogLevel]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Logs_LoggerTime' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [IX_Logs_LoggerTime] ON [ApplicationLogs] ([Logger], [Timestamp] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Logs_Logger' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [IX_Logs_Logger] ON [ApplicationLogs] ([Logger]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Logs_RequestID' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [IX_Logs_RequestID] ON [ApplicationLogs] ([RequestID]) WHERE [RequestID] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Logs_Timestamp' AND object_id = OBJECT_ID(N'[ApplicationLogs]'))
BEGIN
CREATE INDEX [IX_Logs_Timestamp] ON [ApplicationLogs] ([Timestamp] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_QuotaChanges_ChangedAt' AND object_id = OBJECT_ID(N'[QuotaChanges]'))
BEGIN
CREATE INDEX [IX_QuotaChanges_ChangedAt] ON [QuotaChanges] ([ChangedAt] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Retry_CompanyID' AND object_id = OBJECT_ID(N'[RetryAttempts]'))
BEGIN
CREATE INDEX [IX_Retry_CompanyID] ON [RetryAttempts] ([CompanyID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Retry_Timestamp' AND object_id = OBJECT_ID(N'[RetryAttempts]'))
BEGIN
CREATE INDEX [IX_Retry_Timestamp] ON [RetryAttempts] ([Timestamp] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Retry_TokenID' AND object_id = OBJECT_ID(N'[RetryAttempts]'))
BEGIN
CREATE INDEX [IX_Retry_TokenID] ON [RetryAttempts] ([TokenID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_SiteAlerts_CreatedAt' AND object_id = OBJECT_ID(N'[SiteAlerts]'))
BEGIN
CREATE INDEX [IX_SiteAlerts_CreatedAt] ON [SiteAlerts] ([CreatedAt] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_SiteAlerts_Subject' AND object_id = OBJECT_ID(N'[SiteAlerts]'))
BEGIN
CREATE INDEX [IX_SiteAlerts_Subject] ON [SiteAlerts] ([Kind], [Subject]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_TokenAlerts_CreatedAt' AND object_id = OBJECT_ID(N'[TokenAlerts]'))
BEGIN
CREATE INDEX [IX_TokenAlerts_CreatedAt] ON [TokenAlerts] ([CreatedAt] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_TokenChanges_ChangedAt' AND object_id = OBJECT_ID(N'[TokenChanges]'))
BEGIN
CREATE INDEX [IX_TokenChanges_ChangedAt] ON [TokenChanges] ([ChangedAt] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_TokenMaster_Company' AND object_id = OBJECT_ID(N'[TokenMaster]'))
BEGIN
CREATE INDEX [IX_TokenMaster_Company] ON [TokenMaster] ([CompanyID], [Status]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_TokenMaster_CreatedAt' AND object_id = OBJECT_ID(N'[TokenMaster]'))
BEGIN
CREATE INDEX [IX_TokenMaster_CreatedAt] ON [TokenMaster] ([CreatedAt] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_TokenMaster_Expiry' AND object_id = OBJECT_ID(N'[TokenMaster]'))
BEGIN
CREATE INDEX [IX_TokenMaster_Expiry] ON [TokenMaster] ([Status], [ExpiresAt]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Usage_Began' AND object_id = OBJECT_ID(N'[TokenUsageLogs]'))
BEGIN
CREATE INDEX [IX_Usage_Began] ON [TokenUsageLogs] ([TokenID], [BeganAt]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Usage_Branch' AND object_id = OBJECT_ID(N'[TokenUsageLogs]'))
BEGIN
CREATE INDEX [IX_Usage_Branch] ON [TokenUsageLogs] ([Branch]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Usage_LoggedAt' AND object_id = OBJECT_ID(N'[TokenUsageLogs]'))
BEGIN
CREATE INDEX [IX_Usage_LoggedAt] ON [TokenUsageLogs] ([LoggedAt] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'IX_Usage_TokenID' AND object_id = OBJECT_ID(N'[TokenUsageLogs]'))
BEGIN
CREATE INDEX [IX_Usage_TokenID] ON [TokenUsageLogs] ([TokenID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'QuotaChanges_CompanyID_e39277ce' AND object_id = OBJECT_ID(N'[QuotaChanges]'))
BEGIN
CREATE INDEX [QuotaChanges_CompanyID_e39277ce] ON [QuotaChanges] ([CompanyID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'QuotaChanges_TokenID_31199dd0' AND object_id = OBJECT_ID(N'[QuotaChanges]'))
BEGIN
CREATE INDEX [QuotaChanges_TokenID_31199dd0] ON [QuotaChanges] ([TokenID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'Quotas_CompanyID_d131fa7c' AND object_id = OBJECT_ID(N'[Quotas]'))
BEGIN
CREATE INDEX [Quotas_CompanyID_d131fa7c] ON [Quotas] ([CompanyID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'Quotas_TokenID_f97f5bb5' AND object_id = OBJECT_ID(N'[Quotas]'))
BEGIN
CREATE INDEX [Quotas_TokenID_f97f5bb5] ON [Quotas] ([TokenID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'RetryAttempts_ExtractionID_fc4db44a' AND object_id = OBJECT_ID(N'[RetryAttempts]'))
BEGIN
CREATE INDEX [RetryAttempts_ExtractionID_fc4db44a] ON [RetryAttempts] ([ExtractionID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'TokenAlerts_TokenID_f7a9fdd6' AND object_id = OBJECT_ID(N'[TokenAlerts]'))
BEGIN
CREATE INDEX [TokenAlerts_TokenID_f7a9fdd6] ON [TokenAlerts] ([TokenID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'TokenChanges_TokenID_ff96eb54' AND object_id = OBJECT_ID(N'[TokenChanges]'))
BEGIN
CREATE INDEX [TokenChanges_TokenID_ff96eb54] ON [TokenChanges] ([TokenID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'TokenMaster_KeyFingerprint_f98878a7' AND object_id = OBJECT_ID(N'[TokenMaster]'))
BEGIN
CREATE INDEX [TokenMaster_KeyFingerprint_f98878a7] ON [TokenMaster] ([KeyFingerprint]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'TokenRecentCalls_TokenID_f1ab7a45' AND object_id = OBJECT_ID(N'[TokenRecentCalls]'))
BEGIN
CREATE INDEX [TokenRecentCalls_TokenID_f1ab7a45] ON [TokenRecentCalls] ([TokenID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'TokenReservations_TokenID_e0732ccd' AND object_id = OBJECT_ID(N'[TokenReservations]'))
BEGIN
CREATE INDEX [TokenReservations_TokenID_e0732ccd] ON [TokenReservations] ([TokenID]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_group_permissions_group_id_b120cbf9' AND object_id = OBJECT_ID(N'[auth_group_permissions]'))
BEGIN
CREATE INDEX [auth_group_permissions_group_id_b120cbf9] ON [auth_group_permissions] ([group_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_group_permissions_permission_id_84c5c92e' AND object_id = OBJECT_ID(N'[auth_group_permissions]'))
BEGIN
CREATE INDEX [auth_group_permissions_permission_id_84c5c92e] ON [auth_group_permissions] ([permission_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_permission_content_type_id_2f476e4b' AND object_id = OBJECT_ID(N'[auth_permission]'))
BEGIN
CREATE INDEX [auth_permission_content_type_id_2f476e4b] ON [auth_permission] ([content_type_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_user_groups_group_id_97559544' AND object_id = OBJECT_ID(N'[auth_user_groups]'))
BEGIN
CREATE INDEX [auth_user_groups_group_id_97559544] ON [auth_user_groups] ([group_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_user_groups_user_id_6a12ed8b' AND object_id = OBJECT_ID(N'[auth_user_groups]'))
BEGIN
CREATE INDEX [auth_user_groups_user_id_6a12ed8b] ON [auth_user_groups] ([user_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_user_user_permissions_permission_id_1fbb5f2c' AND object_id = OBJECT_ID(N'[auth_user_user_permissions]'))
BEGIN
CREATE INDEX [auth_user_user_permissions_permission_id_1fbb5f2c] ON [auth_user_user_permissions] ([permission_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_user_user_permissions_user_id_a95ead1b' AND object_id = OBJECT_ID(N'[auth_user_user_permissions]'))
BEGIN
CREATE INDEX [auth_user_user_permissions_user_id_a95ead1b] ON [auth_user_user_permissions] ([user_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'django_admin_log_content_type_id_c4bce8eb' AND object_id = OBJECT_ID(N'[django_admin_log]'))
BEGIN
CREATE INDEX [django_admin_log_content_type_id_c4bce8eb] ON [django_admin_log] ([content_type_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'django_admin_log_user_id_c564eba6' AND object_id = OBJECT_ID(N'[django_admin_log]'))
BEGIN
CREATE INDEX [django_admin_log_user_id_c564eba6] ON [django_admin_log] ([user_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'django_session_expire_date_a5c62663' AND object_id = OBJECT_ID(N'[django_session]'))
BEGIN
CREATE INDEX [django_session_expire_date_a5c62663] ON [django_session] ([expire_date]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_all_state' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_all_state] ON [extraction_extraction] ([state], [created_at], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_all_to_review' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_all_to_review] ON [extraction_extraction] ([needs_review], [reviewed_at], [created_at], [id], [deleted_at], [currency], [document_type], [total_amount]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_apiclient_created_c612ac44' AND object_id = OBJECT_ID(N'[extraction_apiclient]'))
BEGIN
CREATE INDEX [extraction_apiclient_created_c612ac44] ON [extraction_apiclient] ([created]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_apiclientcompany_client_id_79226577' AND object_id = OBJECT_ID(N'[extraction_apiclientcompany]'))
BEGIN
CREATE INDEX [extraction_apiclientcompany_client_id_79226577] ON [extraction_apiclientcompany] ([client_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_apiclientkey_client_id_baf94233' AND object_id = OBJECT_ID(N'[extraction_apiclientkey]'))
BEGIN
CREATE INDEX [extraction_apiclientkey_client_id_baf94233] ON [extraction_apiclientkey] ([client_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_attempt_extraction_id_1ff889a2' AND object_id = OBJECT_ID(N'[extraction_attempt]'))
BEGIN
CREATE INDEX [extraction_attempt_extraction_id_1ff889a2] ON [extraction_attempt] ([extraction_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_attempt_repairs_id_19f595ac' AND object_id = OBJECT_ID(N'[extraction_attempt]'))
BEGIN
CREATE INDEX [extraction_attempt_repairs_id_19f595ac] ON [extraction_attempt] ([repairs_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_attempt_token_id_6376382c' AND object_id = OBJECT_ID(N'[extraction_attempt]'))
BEGIN
CREATE INDEX [extraction_attempt_token_id_6376382c] ON [extraction_attempt] ([token_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_batch' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_batch] ON [extraction_extraction] ([batch], [company_id], [created_at], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_bytes' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_bytes] ON [extraction_extraction] ([company_id], [sha256], [state], [created_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_company' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_company] ON [extraction_extraction] ([company_id], [created_at], [id], [deleted_at], [currency], [document_type], [total_amount]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_companygrant_user_id_e09c84e0' AND object_id = OBJECT_ID(N'[extraction_companygrant]'))
BEGIN
CREATE INDEX [extraction_companygrant_user_id_e09c84e0] ON [extraction_companygrant] ([user_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_correction_extraction_id_8d300731' AND object_id = OBJECT_ID(N'[extraction_correction]'))
BEGIN
CREATE INDEX [extraction_correction_extraction_id_8d300731] ON [extraction_correction] ([extraction_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_deleted' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_deleted] ON [extraction_extraction] ([purged_at], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_due' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_due] ON [extraction_extraction] ([state], [due_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_earlierdocument_created_at_25f5404a' AND object_id = OBJECT_ID(N'[extraction_earlierdocument]'))
BEGIN
CREATE INDEX [extraction_earlierdocument_created_at_25f5404a] ON [extraction_earlierdocument] ([created_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_earlierdocument_extraction_id_1e72eb2a' AND object_id = OBJECT_ID(N'[extraction_earlierdocument]'))
BEGIN
CREATE INDEX [extraction_earlierdocument_extraction_id_1e72eb2a] ON [extraction_earlierdocument] ([extraction_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_erasures' AND object_id = OBJECT_ID(N'[extraction_erasure]'))
BEGIN
CREATE INDEX [extraction_erasures] ON [extraction_erasure] ([ended_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_exportcolumn_profile_id_b70e3aed' AND object_id = OBJECT_ID(N'[extraction_exportcolumn]'))
BEGIN
CREATE INDEX [extraction_exportcolumn_profile_id_b70e3aed] ON [extraction_exportcolumn] ([profile_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_extraction_token_id_77219595' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_extraction_token_id_77219595] ON [extraction_extraction] ([token_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_failedattempts_last_at_a90f3ba3' AND object_id = OBJECT_ID(N'[extraction_failedattempts]'))
BEGIN
CREATE INDEX [extraction_failedattempts_last_at_a90f3ba3] ON [extraction_failedattempts] ([last_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_file_name' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_file_name] ON [extraction_extraction] ([company_id], [file_name], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_files' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_files] ON [extraction_extraction] ([files_removed_at], [finished_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_idempotencykey_extraction_id_864b5de1' AND object_id = OBJECT_ID(N'[extraction_idempotencykey]'))
BEGIN
CREATE INDEX [extraction_idempotencykey_extraction_id_864b5de1] ON [extraction_idempotencykey] ([extraction_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_invoiced' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_invoiced] ON [extraction_extraction] ([company_id], [invoice_date], [id], [deleted_at], [currency], [document_type], [total_amount]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_number' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_number] ON [extraction_extraction] ([company_id], [invoice_number], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_payable' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_payable] ON [extraction_extraction] ([company_id], [due_date], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_received' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_received] ON [extraction_extraction] ([created_at], [id], [deleted_at], [currency], [document_type], [total_amount], [state], [company_id], [needs_review], [reviewed_at], [error_code]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_recoverycode_authenticator_id_620d44b3' AND object_id = OBJECT_ID(N'[extraction_recoverycode]'))
BEGIN
CREATE INDEX [extraction_recoverycode_authenticator_id_620d44b3] ON [extraction_recoverycode] ([authenticator_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_served' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_served] ON [extraction_extraction] ([claimed_at] DESC, [company_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_staffcompany_company_id_92f2d8c5' AND object_id = OBJECT_ID(N'[extraction_staffcompany]'))
BEGIN
CREATE INDEX [extraction_staffcompany_company_id_92f2d8c5] ON [extraction_staffcompany] ([company_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_staffcompany_user_id_3b256ab1' AND object_id = OBJECT_ID(N'[extraction_staffcompany]'))
BEGIN
CREATE INDEX [extraction_staffcompany_user_id_3b256ab1] ON [extraction_staffcompany] ([user_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_state' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_state] ON [extraction_extraction] ([company_id], [state], [created_at], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_supplier' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_supplier] ON [extraction_extraction] ([company_id], [supplier_name], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_tax_id' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_tax_id] ON [extraction_extraction] ([company_id], [supplier_tax_id], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_to_review' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_to_review] ON [extraction_extraction] ([company_id], [needs_review], [reviewed_at], [created_at], [id], [deleted_at], [currency], [document_type], [total_amount]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_total' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_total] ON [extraction_extraction] ([company_id], [total_amount], [id], [deleted_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_turn' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE INDEX [extraction_turn] ON [extraction_extraction] ([state], [company_id], [due_at], [id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_webhookattempt_delivery_id_d3253d99' AND object_id = OBJECT_ID(N'[extraction_webhookattempt]'))
BEGIN
CREATE INDEX [extraction_webhookattempt_delivery_id_d3253d99] ON [extraction_webhookattempt] ([delivery_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_webhookdelivery_extraction_id_2bc9c54a' AND object_id = OBJECT_ID(N'[extraction_webhookdelivery]'))
BEGIN
CREATE INDEX [extraction_webhookdelivery_extraction_id_2bc9c54a] ON [extraction_webhookdelivery] ([extraction_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'label_of_extraction' AND object_id = OBJECT_ID(N'[extraction_label]'))
BEGIN
CREATE INDEX [label_of_extraction] ON [extraction_label] ([extraction_id], [key]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'label_value' AND object_id = OBJECT_ID(N'[extraction_label]'))
BEGIN
CREATE INDEX [label_value] ON [extraction_label] ([key], [value], [extraction_id]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'rest_framework_api_key_apikey_created_c61872d9' AND object_id = OBJECT_ID(N'[rest_framework_api_key_apikey]'))
BEGIN
CREATE INDEX [rest_framework_api_key_apikey_created_c61872d9] ON [rest_framework_api_key_apikey] ([created]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'success_index' AND object_id = OBJECT_ID(N'[django_q_task]'))
BEGIN
CREATE INDEX [success_index] ON [django_q_task] ([group], [name], [func]) WHERE [success] = 1;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'webhook_company' AND object_id = OBJECT_ID(N'[extraction_webhookendpoint]'))
BEGIN
CREATE INDEX [webhook_company] ON [extraction_webhookendpoint] ([company_id], [enabled]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'webhook_created' AND object_id = OBJECT_ID(N'[extraction_webhookdelivery]'))
BEGIN
CREATE INDEX [webhook_created] ON [extraction_webhookdelivery] ([created_at] DESC);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'webhook_due' AND object_id = OBJECT_ID(N'[extraction_webhookdelivery]'))
BEGIN
CREATE INDEX [webhook_due] ON [extraction_webhookdelivery] ([state], [due_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'webhook_ended' AND object_id = OBJECT_ID(N'[extraction_webhookdelivery]'))
BEGIN
CREATE INDEX [webhook_ended] ON [extraction_webhookdelivery] ([ended_at], [give_up_at]);
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'TokenCoolDowns_Project_5fb36cd0_uniq' AND object_id = OBJECT_ID(N'[TokenCoolDowns]'))
BEGIN
CREATE UNIQUE INDEX [TokenCoolDowns_Project_5fb36cd0_uniq] ON [TokenCoolDowns]([Project]) WHERE [Project] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'TokenCoolDowns_TokenID_818a1983_uniq' AND object_id = OBJECT_ID(N'[TokenCoolDowns]'))
BEGIN
CREATE UNIQUE INDEX [TokenCoolDowns_TokenID_818a1983_uniq] ON [TokenCoolDowns]([TokenID]) WHERE [TokenID] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'TokenUsageLogs_AttemptID_1ee48f9c_uniq' AND object_id = OBJECT_ID(N'[TokenUsageLogs]'))
BEGIN
CREATE UNIQUE INDEX [TokenUsageLogs_AttemptID_1ee48f9c_uniq] ON [TokenUsageLogs]([AttemptID]) WHERE [AttemptID] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'UQ_LedgerAlerts_Open' AND object_id = OBJECT_ID(N'[LedgerAlerts]'))
BEGIN
CREATE UNIQUE INDEX [UQ_LedgerAlerts_Open] ON [LedgerAlerts] ([Fingerprint]) WHERE [ResolvedAt] IS NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'UQ_Quotas_Company' AND object_id = OBJECT_ID(N'[Quotas]'))
BEGIN
CREATE UNIQUE INDEX [UQ_Quotas_Company] ON [Quotas] ([CompanyID], [Period], [Unit]) WHERE [CompanyID] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'UQ_Quotas_Token' AND object_id = OBJECT_ID(N'[Quotas]'))
BEGIN
CREATE UNIQUE INDEX [UQ_Quotas_Token] ON [Quotas] ([TokenID], [Period], [Unit]) WHERE [TokenID] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'UQ_SiteAlerts_Open' AND object_id = OBJECT_ID(N'[SiteAlerts]'))
BEGIN
CREATE UNIQUE INDEX [UQ_SiteAlerts_Open] ON [SiteAlerts] ([Kind], [Subject]) WHERE [ResolvedAt] IS NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_group_permissions_group_id_permission_id_0cd325b0_uniq' AND object_id = OBJECT_ID(N'[auth_group_permissions]'))
BEGIN
CREATE UNIQUE INDEX [auth_group_permissions_group_id_permission_id_0cd325b0_uniq] ON [auth_group_permissions] ([group_id], [permission_id]) WHERE [group_id] IS NOT NULL AND [permission_id] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_permission_content_type_id_codename_01ab375a_uniq' AND object_id = OBJECT_ID(N'[auth_permission]'))
BEGIN
CREATE UNIQUE INDEX [auth_permission_content_type_id_codename_01ab375a_uniq] ON [auth_permission] ([content_type_id], [codename]) WHERE [content_type_id] IS NOT NULL AND [codename] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_user_groups_user_id_group_id_94350c0c_uniq' AND object_id = OBJECT_ID(N'[auth_user_groups]'))
BEGIN
CREATE UNIQUE INDEX [auth_user_groups_user_id_group_id_94350c0c_uniq] ON [auth_user_groups] ([user_id], [group_id]) WHERE [user_id] IS NOT NULL AND [group_id] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'auth_user_user_permissions_user_id_permission_id_14a6b632_uniq' AND object_id = OBJECT_ID(N'[auth_user_user_permissions]'))
BEGIN
CREATE UNIQUE INDEX [auth_user_user_permissions_user_id_permission_id_14a6b632_uniq] ON [auth_user_user_permissions] ([user_id], [permission_id]) WHERE [user_id] IS NOT NULL AND [permission_id] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'django_content_type_app_label_model_76bd3d3b_uniq' AND object_id = OBJECT_ID(N'[django_content_type]'))
BEGIN
CREATE UNIQUE INDEX [django_content_type_app_label_model_76bd3d3b_uniq] ON [django_content_type] ([app_label], [model]) WHERE [app_label] IS NOT NULL AND [model] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_extraction_dedup_key_4906906e_uniq' AND object_id = OBJECT_ID(N'[extraction_extraction]'))
BEGIN
CREATE UNIQUE INDEX [extraction_extraction_dedup_key_4906906e_uniq] ON [extraction_extraction]([dedup_key]) WHERE [dedup_key] IS NOT NULL;
END
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'extraction_role_group_id_45d33e65_uniq' AND object_id = OBJECT_ID(N'[extraction_role]'))
BEGIN
CREATE UNIQUE INDEX [extraction_role_group_id_45d33e65_uniq] ON [extraction_role]([group_id]) WHERE [group_id] IS NOT NULL;
END
GO

DROP VIEW IF EXISTS [vw_FailedRetries];
GO

CREATE VIEW "vw_FailedRetries" AS SELECT "ExtractionID", "CompanyID", COUNT(*) AS "TotalAttempts",
        CAST(SUM(CAST("IsRetryable" AS INTEGER)) AS FLOAT) / COUNT(*) AS "RetryableShare",
        MAX("Timestamp") AS "LastAttempt"
    FROM "RetryAttempts"
    WHERE "ExtractionID" IS NOT NULL
    GROUP BY "ExtractionID", "CompanyID"
    HAVING MAX("Attempt") >= MAX("AttemptsAllowed");
GO

DROP VIEW IF EXISTS [vw_RecentErrors];
GO

CREATE VIEW "vw_RecentErrors" AS SELECT "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception",
        DATEDIFF(SECOND, "Timestamp", SYSUTCDATETIME()) / 60 AS "MinutesAgo"
    FROM (
        SELECT "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception",
            ROW_NUMBER() OVER (ORDER BY "Timestamp" DESC, "LogID") AS "Place"
        FROM (
            SELECT * FROM (
                SELECT TOP 100 "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception"
                FROM "ApplicationLogs" WHERE "LogLevel" = 'ERROR'
                ORDER BY "Timestamp" DESC, "LogID" 
            ) errors
            UNION ALL
            SELECT * FROM (
                SELECT TOP 100 "LogID", "Timestamp", "LogLevel", "Logger", "Message", "Exception"
                FROM "ApplicationLogs" WHERE "LogLevel" = 'CRITICAL'
                ORDER BY "Timestamp" DESC, "LogID" 
            ) criticals
        ) newest
    ) numbered
    WHERE "Place" <= 100;
GO

DROP VIEW IF EXISTS [vw_TokenStatus];
GO

CREATE VIEW "vw_TokenStatus" AS SELECT "TokenID", "CompanyID", "CompanyName", "Provider", "Status", "TotalTokenLimit",
        "TotalUsedTokens", "TotalTokenLimit" - "TotalUsedTokens" AS "TotalRemainingTokens",
        "Threshold",
        CASE
            WHEN "Status" = 'Exceeded' OR "TotalUsedTokens" >= "TotalTokenLimit" THEN 'EXCEEDED'
            WHEN "TotalTokenLimit" - "TotalUsedTokens" < "Threshold" THEN 'WARNING'
            ELSE 'OK'
        END AS "HealthStatus",
        "CreatedAt", "LastUpdated"
    FROM (
        SELECT token."TokenID", token."CompanyID", token."CompanyName", token."Provider",
            token."Status", token."TotalTokenLimit", token."CreatedAt",
            COALESCE(summary."TotalUsedTokens", 0) AS "TotalUsedTokens",
            COALESCE(summary."Threshold", 3000) AS "Threshold",
            summary."LastUpdated"
        FROM "TokenMaster" token
        LEFT JOIN "TokenUsageSummary" summary ON summary."TokenID" = token."TokenID"
    ) status_of_token;
GO

DROP VIEW IF EXISTS [vw_UsageSummary];
GO

CREATE VIEW "vw_UsageSummary" AS SELECT "CompanyID", MAX("CompanyName") AS "CompanyName",
        COUNT(DISTINCT "Branch") AS "TotalBranches",
        COUNT(DISTINCT "RequestedBy") AS "TotalUsers",
        CAST(SUM("RequestCount") AS BIGINT) AS "TotalRequests",
        CAST(SUM("TotalTokensUsed") AS BIGINT) AS "TotalTokensUsed",
        CAST(SUM("TotalTokensUsed") AS FLOAT) / NULLIF(SUM("RequestCount"), 0)
            AS "AvgTokensPerRequest",
        MAX("LoggedAt") AS "LastUsed",
        COALESCE(DATEDIFF(DAY, MIN("LoggedAt"), MAX("LoggedAt")) + 1, 0) AS "DaysActive"
    FROM (
        SELECT COALESCE(charge."CompanyID", token."CompanyID", '') AS "CompanyID",
            token."CompanyName", charge."Branch", charge."RequestedBy",
            CAST(charge."RequestCount" AS BIGINT) AS "RequestCount",
            charge."TotalTokensUsed", charge."LoggedAt"
        FROM "TokenUsageLogs" charge
        LEFT JOIN "TokenMaster" token ON token."TokenID" = charge."TokenID"
        UNION ALL
        SELECT "CompanyID", "CompanyName", NULL, NULL, 0, 0, NULL FROM "TokenMaster"
    ) charges
    GROUP BY "CompanyID";
GO

IF NOT EXISTS (SELECT 1 FROM [django_migrations] WHERE [app] = N'tokens' AND [name] = N'0013_prices') AND NOT EXISTS (SELECT 1 FROM [ModelPrices])
BEGIN
BEGIN TRANSACTION;
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'offline', N'2026-01-01 00:00:00+00:00', N'0.0000', N'0.0000', N'0.0000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-3.8-flash', N'2026-01-01 00:00:00+00:00', N'0.7500', N'0.0750', N'3.7500', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-3.8-flash', N'2027-01-01 08:00:00+00:00', N'1.5000', N'0.1500', N'7.5000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-3.7-flash', N'2026-01-01 00:00:00+00:00', N'0.7500', N'0.0750', N'3.7500', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-3.6-flash', N'2026-01-01 00:00:00+00:00', N'1.5000', N'0.1500', N'7.5000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-3.5-flash', N'2026-01-01 00:00:00+00:00', N'1.5000', N'0.1500', N'9.0000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-3.5-flash-lite', N'2026-01-01 00:00:00+00:00', N'0.3000', N'0.0300', N'2.5000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [LongPrompt], [LongInputPrice], [LongCachedInputPrice], [LongOutputPrice], [Currency], [Source]) VALUES (N'gemini-3.1-pro', N'2026-01-01 00:00:00+00:00', N'2.0000', N'0.2000', N'12.0000', 200000, N'4.0000', N'0.4000', N'18.0000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-3.1-flash-lite', N'2026-01-01 00:00:00+00:00', N'0.2500', N'0.0250', N'1.5000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-3-flash', N'2026-01-01 00:00:00+00:00', N'0.5000', N'0.0500', N'3.0000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [LongPrompt], [LongInputPrice], [LongCachedInputPrice], [LongOutputPrice], [Currency], [Source]) VALUES (N'gemini-2.5-pro', N'2026-01-01 00:00:00+00:00', N'1.2500', N'0.1250', N'10.0000', 200000, N'2.5000', N'0.2500', N'15.0000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-2.5-flash', N'2026-01-01 00:00:00+00:00', N'0.3000', N'0.0300', N'2.5000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
INSERT INTO [ModelPrices] ([Model], [ValidFrom], [InputPrice], [CachedInputPrice], [OutputPrice], [Currency], [Source]) VALUES (N'gemini-2.5-flash-lite', N'2026-01-01 00:00:00+00:00', N'0.1000', N'0.0100', N'0.4000', N'USD', N'https://ai.google.dev/gemini-api/docs/pricing (as public price lists cite it), as of 2026-09-02');
COMMIT TRANSACTION;
END
GO

IF NOT EXISTS (SELECT 1 FROM [django_migrations] WHERE [app] = N'extraction' AND [name] = N'0016_first_export_profiles') AND NOT EXISTS (SELECT 1 FROM [extraction_exportprofile])
BEGIN
BEGIN TRANSACTION;
INSERT INTO [extraction_exportprofile] ([id], [name], [format], [rows_per], [separator], [decimal_sign], [date_format], [byte_order_mark]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', N'Plain', N'csv', N'invoice', N',', N'.', N'%Y-%m-%d', 1);
INSERT INTO [extraction_exportprofile] ([id], [name], [format], [rows_per], [separator], [decimal_sign], [date_format], [byte_order_mark]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', N'DATEV-like', N'csv', N'invoice', N';', N',', N'%d.%m.%Y', 1);
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 1, N'extraction.id', N'id');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 2, N'extraction.file_name', N'file_name');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 3, N'extraction.company_id', N'company_id');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 4, N'extraction.branch', N'branch');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 5, N'extraction.created_at', N'received');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 6, N'extraction.needs_review', N'needs_review');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 7, N'document_type', N'document_type');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 8, N'invoice_number', N'invoice_number');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 9, N'invoice_date', N'invoice_date');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 10, N'invoice_miti', N'invoice_miti');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 11, N'due_date', N'due_date');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 12, N'order_number', N'order_number');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 13, N'delivery_note_number', N'delivery_note_number');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 14, N'transaction_type', N'transaction_type');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 15, N'transaction_date', N'transaction_date');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 16, N'vehicle_number', N'vehicle_number');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 17, N'transporter', N'transporter');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 18, N'pws_number', N'pws_number');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 19, N'currency', N'currency');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 20, N'supplier.name', N'supplier.name');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 21, N'supplier.tax_id', N'supplier.tax_id');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 22, N'supplier.address', N'supplier.address');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 23, N'customer.name', N'customer.name');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 24, N'customer.tax_id', N'customer.tax_id');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 25, N'customer.address', N'customer.address');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 26, N'subtotal', N'subtotal');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 27, N'discount_total', N'discount_total');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 28, N'charge_total', N'charge_total');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 29, N'taxable_amount', N'taxable_amount');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 30, N'tax_breakdown.rate', N'tax_breakdown.rate');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 31, N'tax_total', N'tax_total');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 32, N'total_amount', N'total_amount');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 33, N'withholding_total', N'withholding_total');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 34, N'prepaid_amount', N'prepaid_amount');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 35, N'rounding_amount', N'rounding_amount');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 36, N'amount_due', N'amount_due');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 37, N'iban', N'iban');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a01', 38, N'payment_terms', N'payment_terms');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 1, N'booking.amount', N'Umsatz (ohne Soll/Haben-Kz)');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 2, N'booking.side', N'Soll/Haben-Kennzeichen');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 3, N'currency', N'WKZ Umsatz');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 4, N'', N'Konto');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 5, N'', N'Gegenkonto (ohne BU-Schlüssel)');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 6, N'', N'BU-Schlüssel');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 7, N'invoice_date', N'Belegdatum');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 8, N'invoice_number', N'Belegfeld 1');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 9, N'due_date', N'Belegfeld 2');
INSERT INTO [extraction_exportcolumn] ([profile_id], [position], [path], [heading]) VALUES (N'5f0c6e0e1d0f4a559b1f0d6a3c1b7a02', 10, N'supplier.name', N'Buchungstext');
COMMIT TRANSACTION;
END
GO

IF EXISTS (
    SELECT 1
    FROM (VALUES
        (N'django_migrations', N'id'),
        (N'django_migrations', N'app'),
        (N'django_migrations', N'name'),
        (N'django_migrations', N'applied'),
        (N'auth_group', N'id'),
        (N'auth_group', N'name'),
        (N'auth_group_permissions', N'id'),
        (N'auth_group_permissions', N'group_id'),
        (N'auth_group_permissions', N'permission_id'),
        (N'auth_user', N'id'),
        (N'auth_user', N'password'),
        (N'auth_user', N'last_login'),
        (N'auth_user', N'is_superuser'),
        (N'auth_user', N'username'),
        (N'auth_user', N'first_name'),
        (N'auth_user', N'last_name'),
        (N'auth_user', N'email'),
        (N'auth_user', N'is_staff'),
        (N'auth_user', N'is_active'),
        (N'auth_user', N'date_joined'),
        (N'auth_user_groups', N'id'),
        (N'auth_user_groups', N'user_id'),
        (N'auth_user_groups', N'group_id'),
        (N'auth_user_user_permissions', N'id'),
        (N'auth_user_user_permissions', N'user_id'),
        (N'auth_user_user_permissions', N'permission_id'),
        (N'django_content_type', N'id'),
        (N'django_content_type', N'app_label'),
        (N'django_content_type', N'model'),
        (N'django_admin_log', N'id'),
        (N'django_admin_log', N'action_time'),
        (N'django_admin_log', N'object_id'),
        (N'django_admin_log', N'object_repr'),
        (N'django_admin_log', N'action_flag'),
        (N'django_admin_log', N'change_message'),
        (N'django_admin_log', N'content_type_id'),
        (N'django_admin_log', N'user_id'),
        (N'auth_permission', N'id'),
        (N'auth_permission', N'name'),
        (N'auth_permission', N'content_type_id'),
        (N'auth_permission', N'codename'),
        (N'django_q_ormq', N'id'),
        (N'django_q_ormq', N'key'),
        (N'django_q_ormq', N'payload'),
        (N'django_q_ormq', N'lock'),
        (N'django_q_schedule', N'id'),
        (N'django_q_schedule', N'func'),
        (N'django_q_schedule', N'hook'),
        (N'django_q_schedule', N'args'),
        (N'django_q_schedule', N'kwargs'),
        (N'django_q_schedule', N'schedule_type'),
        (N'django_q_schedule', N'repeats'),
        (N'django_q_schedule', N'next_run'),
        (N'django_q_schedule', N'task'),
        (N'django_q_schedule', N'name'),
        (N'django_q_schedule', N'minutes'),
        (N'django_q_schedule', N'cron'),
        (N'django_q_schedule', N'cluster'),
        (N'django_q_schedule', N'intended_date_kwarg'),
        (N'django_q_task', N'name'),
        (N'django_q_task', N'func'),
        (N'django_q_task', N'hook'),
        (N'django_q_task', N'args'),
        (N'django_q_task', N'kwargs'),
        (N'django_q_task', N'result'),
        (N'django_q_task', N'started'),
        (N'django_q_task', N'stopped'),
        (N'django_q_task', N'success'),
        (N'django_q_task', N'id'),
        (N'django_q_task', N'group'),
        (N'django_q_task', N'attempt_count'),
        (N'django_q_task', N'cluster'),
        (N'extraction_accountrule', N'id'),
        (N'extraction_accountrule', N'must_change_password'),
        (N'extraction_accountrule', N'user_id'),
        (N'extraction_apiclient', N'id'),
        (N'extraction_apiclient', N'prefix'),
        (N'extraction_apiclient', N'hashed_key'),
        (N'extraction_apiclient', N'created'),
        (N'extraction_apiclient', N'name'),
        (N'extraction_apiclient', N'revoked'),
        (N'extraction_apiclient', N'expiry_date'),
        (N'extraction_apiclient', N'allowed_networks'),
        (N'extraction_apiclient', N'documents_at_a_time'),
        (N'extraction_apiclient', N'key_expires_at'),
        (N'extraction_apiclient', N'last_used_at'),
        (N'extraction_apiclient', N'requests_per_minute'),
        (N'extraction_apiclient', N'scopes'),
        (N'extraction_apiclientcompany', N'id'),
        (N'extraction_apiclientcompany', N'company_id'),
        (N'extraction_apiclientcompany', N'client_id'),
        (N'extraction_apiclientkey', N'id'),
        (N'extraction_apiclientkey', N'prefix'),
        (N'extraction_apiclientkey', N'hashed_key'),
        (N'extraction_apiclientkey', N'created_at'),
        (N'extraction_apiclientkey', N'expires_at'),
        (N'extraction_apiclientkey', N'client_id'),
        (N'extraction_apiclientrequests', N'client_id'),
        (N'extraction_apiclientrequests', N'minute'),
        (N'extraction_apiclientrequests', N'number'),
        (N'extraction_authenticator', N'id'),
        (N'extraction_authenticator', N'secret'),
        (N'extraction_authenticator', N'confirmed_at'),
        (N'extraction_authenticator', N'last_used_at'),
        (N'extraction_authenticator', N'last_step'),
        (N'extraction_authenticator', N'user_id'),
        (N'extraction_companygrant', N'id'),
        (N'extraction_companygrant', N'company_id'),
        (N'extraction_companygrant', N'user_id'),
        (N'extraction_documentday', N'id'),
        (N'extraction_documentday', N'day'),
        (N'extraction_documentday', N'company_id'),
        (N'extraction_documentday', N'state'),
        (N'extraction_documentday', N'documents'),
        (N'extraction_documentday', N'to_review'),
        (N'extraction_erasure', N'id'),
        (N'extraction_erasure', N'scope'),
        (N'extraction_erasure', N'subject'),
        (N'extraction_erasure', N'pseudonym'),
        (N'extraction_erasure', N'asked_by'),
        (N'extraction_erasure', N'why'),
        (N'extraction_erasure', N'created_at'),
        (N'extraction_erasure', N'ended_at'),
        (N'extraction_erasure', N'leased_until'),
        (N'extraction_erasure', N'read_to'),
        (N'extraction_erasure', N'documents'),
        (N'extraction_erasure', N'corrections'),
        (N'extraction_erasure', N'logs'),
        (N'extraction_erasure', N'usage'),
        (N'extraction_erasure', N'company_id'),
        (N'extraction_exportprofile', N'id'),
        (N'extraction_exportprofile', N'name'),
        (N'extraction_exportprofile', N'format'),
        (N'extraction_exportprofile', N'rows_per'),
        (N'extraction_exportprofile', N'separator'),
        (N'extraction_exportprofile', N'decimal_sign'),
        (N'extraction_exportprofile', N'date_format'),
        (N'extraction_exportprofile', N'byte_order_mark'),
        (N'extraction_exportcolumn', N'id'),
        (N'extraction_exportcolumn', N'position'),
        (N'extraction_exportcolumn', N'path'),
        (N'extraction_exportcolumn', N'heading'),
        (N'extraction_exportcolumn', N'profile_id'),
        (N'extraction_externalidentity', N'id'),
        (N'extraction_externalidentity', N'digest'),
        (N'extraction_externalidentity', N'linked_at'),
        (N'extraction_externalidentity', N'user_id'),
        (N'extraction_failedattempts', N'id'),
        (N'extraction_failedattempts', N'subject'),
        (N'extraction_failedattempts', N'failures'),
        (N'extraction_failedattempts', N'last_at'),
        (N'extraction_failedattempts', N'locked_until'),
        (N'extraction_promptcost', N'id'),
        (N'extraction_promptcost', N'model'),
        (N'extraction_promptcost', N'prompt_version'),
        (N'extraction_promptcost', N'tokens'),
        (N'extraction_queuepause', N'id'),
        (N'extraction_queuepause', N'paused_at'),
        (N'extraction_queuepause', N'paused_by'),
        (N'extraction_queuepause', N'reason'),
        (N'extraction_recoverycode', N'id'),
        (N'extraction_recoverycode', N'digest'),
        (N'extraction_recoverycode', N'authenticator_id'),
        (N'extraction_role', N'name'),
        (N'extraction_role', N'given'),
        (N'extraction_role', N'group_id'),
        (N'extraction_webhookendpoint', N'id'),
        (N'extraction_webhookendpoint', N'company_id'),
        (N'extraction_webhookendpoint', N'client'),
        (N'extraction_webhookendpoint', N'url'),
        (N'extraction_webhookendpoint', N'events'),
        (N'extraction_webhookendpoint', N'secret'),
        (N'extraction_webhookendpoint', N'old_secret'),
        (N'extraction_webhookendpoint', N'old_secret_until'),
        (N'extraction_webhookendpoint', N'enabled'),
        (N'extraction_webhookendpoint', N'disabled_reason'),
        (N'extraction_webhookendpoint', N'failing_since'),
        (N'extraction_webhookendpoint', N'last_success_at'),
        (N'extraction_webhookendpoint', N'created_at'),
        (N'extraction_webhookendpoint', N'created_by'),
        (N'extraction_webhookendpoint', N'alert_kinds'),
        (N'extraction_webhookdelivery', N'id'),
        (N'extraction_webhookdelivery', N'event'),
        (N'extraction_webhookdelivery', N'event_key'),
        (N'extraction_webhookdelivery', N'extraction_id'),
        (N'extraction_webhookdelivery', N'body'),
        (N'extraction_webhookdelivery', N'state'),
        (N'extraction_webhookdelivery', N'attempts'),
        (N'extraction_webhookdelivery', N'created_at'),
        (N'extraction_webhookdelivery', N'due_at'),
        (N'extraction_webhookdelivery', N'give_up_at'),
        (N'extraction_webhookdelivery', N'ended_at'),
        (N'extraction_webhookdelivery', N'lease_id'),
        (N'extraction_webhookdelivery', N'leased_until'),
        (N'extraction_webhookdelivery', N'endpoint_id'),
        (N'extraction_webhookattempt', N'id'),
        (N'extraction_webhookattempt', N'number'),
        (N'extraction_webhookattempt', N'started_at'),
        (N'extraction_webhookattempt', N'milliseconds'),
        (N'extraction_webhookattempt', N'status_code'),
        (N'extraction_webhookattempt', N'error'),
        (N'extraction_webhookattempt', N'answer'),
        (N'extraction_webhookattempt', N'delivery_id'),
        (N'extraction_worker', N'id'),
        (N'extraction_worker', N'name'),
        (N'extraction_worker', N'host'),
        (N'extraction_worker', N'process_id'),
        (N'extraction_worker', N'version'),
        (N'extraction_worker', N'since'),
        (N'extraction_worker', N'last_sign'),
        (N'extraction_worker', N'processes'),
        (N'extraction_worker', N'busy'),
        (N'extraction_worker', N'last_extraction'),
        (N'extraction_worker', N'last_taken_at'),
        (N'extraction_worker', N'state'),
        (N'extraction_worker', N'to_drain'),
        (N'ApplicationLogs', N'LogID'),
        (N'ApplicationLogs', N'Timestamp'),
        (N'ApplicationLogs', N'LogLevel'),
        (N'ApplicationLogs', N'Logger'),
        (N'ApplicationLogs', N'Message'),
        (N'ApplicationLogs', N'Exception'),
        (N'ApplicationLogs', N'Module'),
        (N'ApplicationLogs', N'FunctionName'),
        (N'ApplicationLogs', N'LineNumber'),
        (N'ApplicationLogs', N'RequestID'),
        (N'ApplicationLogs', N'ExtractionID'),
        (N'ApplicationLogs', N'CompanyID'),
        (N'ApplicationLogs', N'Fingerprint'),
        (N'ApplicationLogs', N'Host'),
        (N'ApplicationLogs', N'ProcessID'),
        (N'ApplicationLogs', N'UserName'),
        (N'AuditEntries', N'EntryID'),
        (N'AuditEntries', N'Timestamp'),
        (N'AuditEntries', N'ActorKind'),
        (N'AuditEntries', N'Actor'),
        (N'AuditEntries', N'Action'),
        (N'AuditEntries', N'ObjectType'),
        (N'AuditEntries', N'ObjectID'),
        (N'AuditEntries', N'ObjectName'),
        (N'AuditEntries', N'CompanyID'),
        (N'AuditEntries', N'FromValue'),
        (N'AuditEntries', N'ToValue'),
        (N'AuditEntries', N'Why'),
        (N'AuditEntries', N'RequestID'),
        (N'AuditEntries', N'Address'),
        (N'AuditedExtractions', N'id'),
        (N'AuditedExtractions', N'ExtractionID'),
        (N'AuditedExtractions', N'EntryID'),
        (N'ErrorDigests', N'CreatedAt'),
        (N'ErrorDigests', N'ClaimedUntil'),
        (N'ErrorDigests', N'SentAt'),
        (N'ErrorDigests', N'DigestID'),
        (N'ErrorGroups', N'GroupID'),
        (N'ErrorGroups', N'Fingerprint'),
        (N'ErrorGroups', N'ExceptionType'),
        (N'ErrorGroups', N'Place'),
        (N'ErrorGroups', N'Logger'),
        (N'ErrorGroups', N'Message'),
        (N'ErrorGroups', N'RecordCount'),
        (N'ErrorGroups', N'FirstSeen'),
        (N'ErrorGroups', N'LastSeen'),
        (N'ErrorGroups', N'DigestID'),
        (N'ErrorSubscriptions', N'id'),
        (N'ErrorSubscriptions', N'daily_digest'),
        (N'ErrorSubscriptions', N'user_id'),
        (N'logs_enteredfile', N'name'),
        (N'logs_enteredfile', N'entered_at'),
        (N'logs_loggerlevel', N'id'),
        (N'logs_loggerlevel', N'logger'),
        (N'logs_loggerlevel', N'level'),
        (N'RetentionRuns', N'RunID'),
        (N'RetentionRuns', N'What'),
        (N'RetentionRuns', N'StartedAt'),
        (N'RetentionRuns', N'EndedAt'),
        (N'RetentionRuns', N'Cutoff'),
        (N'RetentionRuns', N'Archived'),
        (N'RetentionRuns', N'Deleted'),
        (N'RetentionRuns', N'Bytes'),
        (N'RetentionRuns', N'Files'),
        (N'RetentionRuns', N'IsComplete'),
        (N'RetentionRuns', N'Error'),
        (N'rest_framework_api_key_apikey', N'id'),
        (N'rest_framework_api_key_apikey', N'created'),
        (N'rest_framework_api_key_apikey', N'name'),
        (N'rest_framework_api_key_apikey', N'revoked'),
        (N'rest_framework_api_key_apikey', N'expiry_date'),
        (N'rest_framework_api_key_apikey', N'hashed_key'),
        (N'rest_framework_api_key_apikey', N'prefix'),
        (N'django_session', N'session_key'),
        (N'django_session', N'session_data'),
        (N'django_session', N'expire_date'),
        (N'AlertRecipients', N'id'),
        (N'AlertRecipients', N'address'),
        (N'AlertRecipients', N'company_id'),
        (N'AlertRecipients', N'kind'),
        (N'AlertRecipients', N'user_id'),
        (N'AlertSubscriptions', N'id'),
        (N'AlertSubscriptions', N'threshold_alerts'),
        (N'AlertSubscriptions', N'user_id'),
        (N'AlertSubscriptions', N'ledger_alerts'),
        (N'Companies', N'CompanyID'),
        (N'Companies', N'FoldedID'),
        (N'Companies', N'CompanyName'),
        (N'Companies', N'TimeZone'),
        (N'Companies', N'Branches'),
        (N'Companies', N'DefaultReader'),
        (N'Companies', N'DefaultModel'),
        (N'Companies', N'ExportAs'),
        (N'Companies', N'OtherSpellings'),
        (N'Companies', N'CreatedAt'),
        (N'Companies', N'ClosedAt'),
        (N'extraction_staffcompany', N'id'),
        (N'extraction_staffcompany', N'company_id'),
        (N'extraction_staffcompany', N'user_id'),
        (N'Installation', N'Key'),
        (N'Installation', N'InstallationID'),
        (N'LedgerAlerts', N'AlertID'),
        (N'LedgerAlerts', N'CreatedAt'),
        (N'LedgerAlerts', N'ClaimedUntil'),
        (N'LedgerAlerts', N'SentAt'),
        (N'LedgerAlerts', N'Findings'),
        (N'LedgerAlerts', N'Fingerprint'),
        (N'LedgerAlerts', N'ResolvedAt'),
        (N'ModelPrices', N'PriceID'),
        (N'ModelPrices', N'Model'),
        (N'ModelPrices', N'ValidFrom'),
        (N'ModelPrices', N'InputPrice'),
        (N'ModelPrices', N'CachedInputPrice'),
        (N'ModelPrices', N'OutputPrice'),
        (N'ModelPrices', N'Currency'),
        (N'ModelPrices', N'Source'),
        (N'ModelPrices', N'LongCachedInputPrice'),
        (N'ModelPrices', N'LongInputPrice'),
        (N'ModelPrices', N'LongOutputPrice'),
        (N'ModelPrices', N'LongPrompt'),
        (N'PendingWipes', N'WipeID'),
        (N'PendingWipes', N'CreatedAt'),
        (N'SiteAlerts', N'CreatedAt'),
        (N'SiteAlerts', N'ClaimedUntil'),
        (N'SiteAlerts', N'SentAt'),
        (N'SiteAlerts', N'AlertID'),
        (N'SiteAlerts', N'Kind'),
        (N'SiteAlerts', N'CompanyID'),
        (N'SiteAlerts', N'Subject'),
        (N'SiteAlerts', N'Text'),
        (N'SiteAlerts', N'ResolvedAt'),
        (N'SiteAlerts', N'ToldAt'),
        (N'TokenMaster', N'TokenID'),
        (N'TokenMaster', N'CompanyID'),
        (N'TokenMaster', N'CompanyName'),
        (N'TokenMaster', N'ApiKey'),
        (N'TokenMaster', N'Provider'),
        (N'TokenMaster', N'TotalTokenLimit'),
        (N'TokenMaster', N'Status'),
        (N'TokenMaster', N'CreatedAt'),
        (N'TokenMaster', N'Model'),
        (N'TokenMaster', N'ExpiresAt'),
        (N'TokenMaster', N'KeyFingerprint'),
        (N'TokenMaster', N'StatusReason'),
        (N'TokenMaster', N'MaxConcurrentCalls'),
        (N'TokenMaster', N'Project'),
        (N'TokenMaster', N'RequestsPerMinute'),
        (N'extraction_extraction', N'id'),
        (N'extraction_extraction', N'company_id'),
        (N'extraction_extraction', N'branch'),
        (N'extraction_extraction', N'requested_by'),
        (N'extraction_extraction', N'licence_id'),
        (N'extraction_extraction', N'client'),
        (N'extraction_extraction', N'dedup_key'),
        (N'extraction_extraction', N'file'),
        (N'extraction_extraction', N'file_name'),
        (N'extraction_extraction', N'sha256'),
        (N'extraction_extraction', N'media_type'),
        (N'extraction_extraction', N'size'),
        (N'extraction_extraction', N'page_count'),
        (N'extraction_extraction', N'state'),
        (N'extraction_extraction', N'attempts'),
        (N'extraction_extraction', N'attempts_before'),
        (N'extraction_extraction', N'deaths'),
        (N'extraction_extraction', N'lease_id'),
        (N'extraction_extraction', N'leased_until'),
        (N'extraction_extraction', N'due_at'),
        (N'extraction_extraction', N'deadline'),
        (N'extraction_extraction', N'result'),
        (N'extraction_extraction', N'needs_review'),
        (N'extraction_extraction', N'checks'),
        (N'extraction_extraction', N'http_status'),
        (N'extraction_extraction', N'error_code'),
        (N'extraction_extraction', N'error_message'),
        (N'extraction_extraction', N'error_detail'),
        (N'extraction_extraction', N'model'),
        (N'extraction_extraction', N'created_at'),
        (N'extraction_extraction', N'started_at'),
        (N'extraction_extraction', N'finished_at'),
        (N'extraction_extraction', N'timings'),
        (N'extraction_extraction', N'token_id'),
        (N'extraction_extraction', N'worker'),
        (N'extraction_extraction', N'files_removed_at'),
        (N'extraction_extraction', N'retry_after_at'),
        (N'extraction_extraction', N'claimed_at'),
        (N'extraction_extraction', N'reader'),
        (N'extraction_extraction', N'currency'),
        (N'extraction_extraction', N'document_type'),
        (N'extraction_extraction', N'due_date'),
        (N'extraction_extraction', N'duplicate_of'),
        (N'extraction_extraction', N'invoice_date'),
        (N'extraction_extraction', N'invoice_number'),
        (N'extraction_extraction', N'reviewed_at'),
        (N'extraction_extraction', N'reviewed_by'),
        (N'extraction_extraction', N'supplier_name'),
        (N'extraction_extraction', N'supplier_tax_id'),
        (N'extraction_extraction', N'total_amount'),
        (N'extraction_extraction', N'claimed_for_review_by'),
        (N'extraction_extraction', N'claimed_for_review_until'),
        (N'extraction_extraction', N'original'),
        (N'extraction_extraction', N'rejection'),
        (N'extraction_extraction', N'version'),
        (N'extraction_extraction', N'chosen_key_id'),
        (N'extraction_extraction', N'chosen_reader'),
        (N'extraction_extraction', N'deleted_at'),
        (N'extraction_extraction', N'deleted_by'),
        (N'extraction_extraction', N'purged_at'),
        (N'extraction_extraction', N'batch'),
        (N'extraction_extraction', N'page_turns'),
        (N'extraction_extraction', N'channel'),
        (N'extraction_extraction', N'received_from'),
        (N'extraction_extraction', N'received_in'),
        (N'extraction_extraction', N'erased_at'),
        (N'extraction_attempt', N'id'),
        (N'extraction_attempt', N'number'),
        (N'extraction_attempt', N'model'),
        (N'extraction_attempt', N'reserved'),
        (N'extraction_attempt', N'outcome'),
        (N'extraction_attempt', N'failure'),
        (N'extraction_attempt', N'code'),
        (N'extraction_attempt', N'started_at'),
        (N'extraction_attempt', N'finished_at'),
        (N'extraction_attempt', N'token_id'),
        (N'extraction_attempt', N'extraction_id'),
        (N'extraction_attempt', N'correction'),
        (N'extraction_attempt', N'output_budget'),
        (N'extraction_attempt', N'repairs_id'),
        (N'extraction_attempt', N'asked_wait'),
        (N'extraction_correction', N'id'),
        (N'extraction_correction', N'version'),
        (N'extraction_correction', N'path'),
        (N'extraction_correction', N'old_value'),
        (N'extraction_correction', N'new_value'),
        (N'extraction_correction', N'corrected_by'),
        (N'extraction_correction', N'client'),
        (N'extraction_correction', N'created_at'),
        (N'extraction_correction', N'extraction_id'),
        (N'extraction_earlierdocument', N'id'),
        (N'extraction_earlierdocument', N'batch'),
        (N'extraction_earlierdocument', N'client'),
        (N'extraction_earlierdocument', N'created_at'),
        (N'extraction_earlierdocument', N'extraction_id'),
        (N'extraction_idempotencykey', N'id'),
        (N'extraction_idempotencykey', N'client'),
        (N'extraction_idempotencykey', N'key'),
        (N'extraction_idempotencykey', N'created_at'),
        (N'extraction_idempotencykey', N'extraction_id'),
        (N'extraction_idempotencykey', N'request'),
        (N'extraction_idempotencykey', N'made'),
        (N'extraction_label', N'id'),
        (N'extraction_label', N'key'),
        (N'extraction_label', N'value'),
        (N'extraction_label', N'extraction_id'),
        (N'RetryAttempts', N'RetryID'),
        (N'RetryAttempts', N'CompanyID'),
        (N'RetryAttempts', N'Attempt'),
        (N'RetryAttempts', N'ErrorMessage'),
        (N'RetryAttempts', N'IsRetryable'),
        (N'RetryAttempts', N'Timestamp'),
        (N'RetryAttempts', N'ExtractionID'),
        (N'RetryAttempts', N'AttemptsAllowed'),
        (N'RetryAttempts', N'ErrorCode'),
        (N'RetryAttempts', N'DelaySeconds'),
        (N'RetryAttempts', N'TokenID'),
        (N'RetryAttempts', N'ErrorClass'),
        (N'RetryAttempts', N'ProviderCode'),
        (N'TokenCoolDowns', N'CoolDownID'),
        (N'TokenCoolDowns', N'Project'),
        (N'TokenCoolDowns', N'Reason'),
        (N'TokenCoolDowns', N'TokenID'),
        (N'TokenCoolDowns', N'ClosedUntil'),
        (N'TokenCoolDowns', N'Probing'),
        (N'Quotas', N'QuotaID'),
        (N'Quotas', N'Period'),
        (N'Quotas', N'Unit'),
        (N'Quotas', N'QuotaLimit'),
        (N'Quotas', N'FirstDay'),
        (N'Quotas', N'RaisedBy'),
        (N'Quotas', N'RaisedUntil'),
        (N'Quotas', N'CreatedAt'),
        (N'Quotas', N'CompanyID'),
        (N'Quotas', N'TokenID'),
        (N'Quotas', N'Currency'),
        (N'QuotaChanges', N'ChangeID'),
        (N'QuotaChanges', N'Quota'),
        (N'QuotaChanges', N'What'),
        (N'QuotaChanges', N'FromValue'),
        (N'QuotaChanges', N'ToValue'),
        (N'QuotaChanges', N'Actor'),
        (N'QuotaChanges', N'Reason'),
        (N'QuotaChanges', N'ChangedAt'),
        (N'QuotaChanges', N'CompanyID'),
        (N'QuotaChanges', N'TokenID'),
        (N'QuotaSums', N'SumID'),
        (N'QuotaSums', N'StartsAt'),
        (N'QuotaSums', N'EndsAt'),
        (N'QuotaSums', N'Used'),
        (N'QuotaSums', N'Reserved'),
        (N'QuotaSums', N'QuotaID'),
        (N'TokenRecentCalls', N'CallID'),
        (N'TokenRecentCalls', N'BeganAt'),
        (N'TokenRecentCalls', N'TokenID'),
        (N'TokenAlerts', N'AlertID'),
        (N'TokenAlerts', N'Threshold'),
        (N'TokenAlerts', N'TotalTokenLimit'),
        (N'TokenAlerts', N'RemainingTokens'),
        (N'TokenAlerts', N'CreatedAt'),
        (N'TokenAlerts', N'ClaimedUntil'),
        (N'TokenAlerts', N'SentAt'),
        (N'TokenAlerts', N'TokenID'),
        (N'TokenAlerts', N'ToldAt'),
        (N'TokenChanges', N'ChangeID'),
        (N'TokenChanges', N'What'),
        (N'TokenChanges', N'FromValue'),
        (N'TokenChanges', N'ToValue'),
        (N'TokenChanges', N'Actor'),
        (N'TokenChanges', N'Reason'),
        (N'TokenChanges', N'ChangedAt'),
        (N'TokenChanges', N'TokenID'),
        (N'TokenReservations', N'AttemptID'),
        (N'TokenReservations', N'Amount'),
        (N'TokenReservations', N'LeasedUntil'),
        (N'TokenReservations', N'CreatedAt'),
        (N'TokenReservations', N'TokenID'),
        (N'TokenReservations', N'CostUnits'),
        (N'TokenReservations', N'Currency'),
        (N'TokenUsageLogs', N'UsageID'),
        (N'TokenUsageLogs', N'Branch'),
        (N'TokenUsageLogs', N'RequestedBy'),
        (N'TokenUsageLogs', N'InputTokens'),
        (N'TokenUsageLogs', N'OutputTokens'),
        (N'TokenUsageLogs', N'TextPromptTokens'),
        (N'TokenUsageLogs', N'ImagePromptTokens'),
        (N'TokenUsageLogs', N'TextCandidatesTokens'),
        (N'TokenUsageLogs', N'TotalTokensUsed'),
        (N'TokenUsageLogs', N'RequestCount'),
        (N'TokenUsageLogs', N'LoggedAt'),
        (N'TokenUsageLogs', N'ThinkingTokens'),
        (N'TokenUsageLogs', N'CachedTokens'),
        (N'TokenUsageLogs', N'AttemptID'),
        (N'TokenUsageLogs', N'CompanyID'),
        (N'TokenUsageLogs', N'Estimated'),
        (N'TokenUsageLogs', N'TokenID'),
        (N'TokenUsageLogs', N'KeyFingerprint'),
        (N'TokenUsageLogs', N'Cost'),
        (N'TokenUsageLogs', N'Currency'),
        (N'TokenUsageLogs', N'Model'),
        (N'TokenUsageLogs', N'BeganAt'),
        (N'TokenUsageSummary', N'SummaryID'),
        (N'TokenUsageSummary', N'TotalUsedTokens'),
        (N'TokenUsageSummary', N'TotalRemainingTokens'),
        (N'TokenUsageSummary', N'Threshold'),
        (N'TokenUsageSummary', N'LastUpdated'),
        (N'TokenUsageSummary', N'ReservedTokens'),
        (N'TokenUsageSummary', N'TokenID'),
        (N'TokenUsageSummary', N'QuotaFree'),
        (N'TokenUsageDays', N'UsageDayID'),
        (N'TokenUsageDays', N'Day'),
        (N'TokenUsageDays', N'CompanyID'),
        (N'TokenUsageDays', N'TokenID'),
        (N'TokenUsageDays', N'Model'),
        (N'TokenUsageDays', N'Currency'),
        (N'TokenUsageDays', N'Requests'),
        (N'TokenUsageDays', N'InputTokens'),
        (N'TokenUsageDays', N'CachedTokens'),
        (N'TokenUsageDays', N'OutputTokens'),
        (N'TokenUsageDays', N'ThinkingTokens'),
        (N'TokenUsageDays', N'TotalTokens'),
        (N'TokenUsageDays', N'CostUnits'),
        (N'TokenUsageDayAudit', N'AuditID'),
        (N'TokenUsageDayAudit', N'CheckedFrom'),
        (N'TokenUsageDayAudit', N'IsFilled')
    ) AS expected (table_name, column_name)
    WHERE COL_LENGTH(QUOTENAME(expected.table_name), expected.column_name) IS NULL
)
BEGIN
    RAISERROR(N'A table lacks columns: was it there before? Nothing is recorded.', 16, 1);
    SET NOEXEC ON;
END
GO

INSERT INTO [django_migrations] ([app], [name], [applied])
SELECT released.app, released.name, SYSUTCDATETIME()
FROM (VALUES
    (N'admin', N'0001_initial'),
    (N'admin', N'0002_logentry_remove_auto_add'),
    (N'admin', N'0003_logentry_add_action_flag_choices'),
    (N'auth', N'0001_initial'),
    (N'auth', N'0002_alter_permission_name_max_length'),
    (N'auth', N'0003_alter_user_email_max_length'),
    (N'auth', N'0004_alter_user_username_opts'),
    (N'auth', N'0005_alter_user_last_login_null'),
    (N'auth', N'0006_require_contenttypes_0002'),
    (N'auth', N'0007_alter_validators_add_error_messages'),
    (N'auth', N'0008_alter_user_username_max_length'),
    (N'auth', N'0009_alter_user_last_name_max_length'),
    (N'auth', N'0010_alter_group_name_max_length'),
    (N'auth', N'0011_update_proxy_permissions'),
    (N'auth', N'0012_alter_user_first_name_max_length'),
    (N'contenttypes', N'0001_initial'),
    (N'contenttypes', N'0002_remove_content_type_name'),
    (N'django_q', N'0001_initial'),
    (N'django_q', N'0002_auto_20150630_1624'),
    (N'django_q', N'0003_auto_20150708_1326'),
    (N'django_q', N'0004_auto_20150710_1043'),
    (N'django_q', N'0005_auto_20150718_1506'),
    (N'django_q', N'0006_auto_20150805_1817'),
    (N'django_q', N'0007_ormq'),
    (N'django_q', N'0008_auto_20160224_1026'),
    (N'django_q', N'0009_auto_20171009_0915'),
    (N'django_q', N'0010_auto_20200610_0856'),
    (N'django_q', N'0011_auto_20200628_1055'),
    (N'django_q', N'0012_auto_20200702_1608'),
    (N'django_q', N'0013_task_attempt_count'),
    (N'django_q', N'0014_schedule_cluster'),
    (N'django_q', N'0015_alter_schedule_schedule_type'),
    (N'django_q', N'0016_schedule_intended_date_kwarg'),
    (N'django_q', N'0017_task_cluster_alter'),
    (N'django_q', N'0018_task_success_index'),
    (N'django_q', N'0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more'),
    (N'extraction', N'0001_initial'),
    (N'extraction', N'0002_prompt_cost'),
    (N'extraction', N'0003_worker'),
    (N'extraction', N'0004_repairs'),
    (N'extraction', N'0005_file_retention'),
    (N'extraction', N'0006_retry_after_at'),
    (N'extraction', N'0007_same_bytes'),
    (N'extraction', N'0008_uuids_that_seek'),
    (N'extraction', N'0009_fair_turns'),
    (N'extraction', N'0010_failed_attempts'),
    (N'extraction', N'0011_reader'),
    (N'extraction', N'0012_listed_columns'),
    (N'extraction', N'0013_fill_listed_columns'),
    (N'extraction', N'0014_listed_indexes'),
    (N'extraction', N'0015_export_profiles'),
    (N'extraction', N'0016_first_export_profiles'),
    (N'extraction', N'0017_review'),
    (N'extraction', N'0018_deleted_and_read_again'),
    (N'extraction', N'0019_batches'),
    (N'extraction', N'0020_accounts'),
    (N'extraction', N'0021_page_turns'),
    (N'extraction', N'0022_fill_companies'),
    (N'extraction', N'0023_trace_of_extractions'),
    (N'extraction', N'0024_labels'),
    (N'extraction', N'0025_webhooks'),
    (N'extraction', N'0026_workers'),
    (N'extraction', N'0027_roles'),
    (N'extraction', N'0028_document_days'),
    (N'extraction', N'0029_client_scopes'),
    (N'extraction', N'0030_digests_of_keys'),
    (N'extraction', N'0031_erasures'),
    (N'extraction', N'0032_made_once'),
    (N'extraction', N'0033_earlier_documents'),
    (N'extraction', N'0034_kinds_of_alerts'),
    (N'extraction', N'0035_all_states_and_sums'),
    (N'extraction', N'0036_orders_to_erase_of_a_company'),
    (N'logs', N'0001_initial'),
    (N'logs', N'0002_failure_classes'),
    (N'logs', N'0003_log_context'),
    (N'logs', N'0004_retention_and_error_groups'),
    (N'logs', N'0005_levels_and_entered_files'),
    (N'logs', N'0006_renamed_loggers'),
    (N'logs', N'0007_ingested_files'),
    (N'logs', N'0008_retention_of_leftovers'),
    (N'logs', N'0009_retention_of_wrong_credentials'),
    (N'logs', N'0010_retention_of_deleted'),
    (N'logs', N'0011_audit_list'),
    (N'logs', N'0012_retention_of_webhooks'),
    (N'logs', N'0013_key_of_failed_calls'),
    (N'rest_framework_api_key', N'0001_initial'),
    (N'rest_framework_api_key', N'0002_auto_20190529_2243'),
    (N'rest_framework_api_key', N'0003_auto_20190623_1952'),
    (N'rest_framework_api_key', N'0004_prefix_hashed_key'),
    (N'rest_framework_api_key', N'0005_auto_20220110_1102'),
    (N'sessions', N'0001_initial'),
    (N'tokens', N'0001_initial'),
    (N'tokens', N'0002_changes_and_alerts'),
    (N'tokens', N'0003_ledger_alerts'),
    (N'tokens', N'0004_cool_downs_and_call_limits'),
    (N'tokens', N'0005_key_fingerprint_of_usage'),
    (N'tokens', N'0006_changes_by_sql'),
    (N'tokens', N'0007_circuit_breaker_fields'),
    (N'tokens', N'0008_labels'),
    (N'tokens', N'0009_pending_wipes'),
    (N'tokens', N'0010_installation'),
    (N'tokens', N'0011_companies'),
    (N'tokens', N'0012_fill_companies'),
    (N'tokens', N'0013_prices'),
    (N'tokens', N'0014_quotas'),
    (N'tokens', N'0016_usage_days'),
    (N'tokens', N'0017_site_alerts'),
    (N'tokens', N'0018_quotas_in_money'),
    (N'tokens', N'0020_usage_day_audit'),
    (N'tokens', N'0021_long_prompts')
) AS released (app, name)
WHERE NOT EXISTS (
    SELECT 1 FROM [django_migrations] AS recorded
    WHERE recorded.[app] = released.app AND recorded.[name] = released.name
);
GO

SET NOEXEC OFF;
GO

-- Samples.
--
-- A new key. It arrives in clear, is used at once and encrypted in place soon after:
--     INSERT INTO TokenMaster (CompanyID, CompanyName, ApiKey, Provider, TotalTokenLimit, Status)
--     VALUES ('NT047', 'RUBI TRADERS', 'YOUR_API_KEY', 'Gemini', 100000, 'Active');
--
-- The keys that need attention:
--     SELECT CompanyID, CompanyName, Provider, Status, TotalRemainingTokens, HealthStatus
--     FROM vw_TokenStatus WHERE HealthStatus <> 'OK' ORDER BY TotalRemainingTokens;
--
-- What each company used:
--     SELECT CompanyID, TotalRequests, TotalTokensUsed, AvgTokensPerRequest, LastUsed
--     FROM vw_UsageSummary ORDER BY TotalTokensUsed DESC;
--
-- What a company used by day and branch in the last 30 days:
--     SELECT CAST(LoggedAt AS date) AS Day, Branch, SUM(TotalTokensUsed) AS Tokens
--     FROM TokenUsageLogs
--     WHERE CompanyID = 'NT047' AND LoggedAt >= DATEADD(DAY, -30, SYSUTCDATETIME())
--     GROUP BY CAST(LoggedAt AS date), Branch ORDER BY Day, Branch;
--
-- The newest errors, and the documents that failed after every retry:
--     SELECT Timestamp, LogLevel, Logger, Message, MinutesAgo
--     FROM vw_RecentErrors ORDER BY Timestamp DESC;
--     SELECT ExtractionID, CompanyID, TotalAttempts, RetryableShare, LastAttempt
--     FROM vw_FailedRetries ORDER BY LastAttempt DESC;
