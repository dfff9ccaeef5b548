//! Secrets that the place tells where they stand: headers, addresses, files of credentials, command lines.

use super::{Kind, Shape, Sureness, has_digit, has_digit_or_padding, is_no_digest, is_no_reference, judged, shape};

pub(super) static KINDS: &[Kind] = &[
    placed(
        "docker-auth",
        "docs.docker.com/reference/cli/docker/login (config.json), kubernetes.io/docs/concepts/configuration/secret",
        &[
            shape("\"auth", r#"\\*"auth\\*"\s*:\s*\\*"([A-Za-z0-9+/_=.-]{4,})"#),
            shape("auth:", r"(?m)^[ \t]*auth:[ \t]*([A-Za-z0-9+/]{12,}={0,2})[ \t\r]*$"),
        ],
    ),
    placed(
        "authorization",
        "RFC 9110 section 11.6.2, RFC 7617, RFC 6750",
        &[
            judged(
                "(?i)authorization",
                r#"(?i)authorization\\*["']?[ \t]*[:=][ \t]*\\*["']?(?:bearer|basic|token|digest|negotiate|apikey|ssws)[ \t]+([^\s"'\\,]+)"#,
                is_no_reference,
            ),
            judged(
                "(?i)authorization",
                r#"(?i)authorization\\*["']?[ \t]*[:=][ \t]*\\*["']?([A-Za-z0-9._~+/=-]{12,})"#,
                has_digit,
            ),
            judged("[Bb]earer|BEARER", r"(?:[Bb]earer|BEARER)[ \t]+([A-Za-z0-9._~+/=-]{16,})", has_digit),
            judged("[Bb]asic|BASIC", r"(?:[Bb]asic|BASIC)[ \t]+([A-Za-z0-9+/]{12,}={0,2})", has_digit_or_padding),
        ],
    ),
    placed(
        "cookie",
        "RFC 6265",
        &[shape("(?i)cookie", r#"(?i)cookie\\*["']?[ \t]*:[ \t]*\\*["']?([^\s"'\\=;]{1,64}=[^\r\n"'\\]{4,})"#)],
    ),
    placed(
        "url-password",
        "RFC 3986 section 3.2.1; the connection strings of PostgreSQL, MongoDB, Redis and AMQP",
        &[
            // Up to the last `@` before the path, because passwords with an unescaped `@` exist …
            judged("://", r#"://[^\s/:@"'<>?#]*:([^\s/"'<>]+)@"#, is_no_reference),
            // … and with an unescaped `/`, which a port never has after anything but digits.
            judged("://", r#"://[^\s/:@"'<>?#]+:([^\s/"'<>@]*[^\s/"'<>@0-9][^\s"'<>@]*)@"#, is_no_reference),
            judged("://", r"://([A-Za-z0-9_-]{20,})@", has_digit),
        ],
    ),
    placed(
        "database-login",
        "github.com/go-sql-driver/mysql#dsn-data-source-name, docs.oracle.com (JDBC thin driver, SQL*Plus)",
        &[
            judged(r"@(?:tcp6?|udp|unix)\(", r#"[A-Za-z0-9_.-]:([^\s@"'/]+)@(?:tcp6?|udp|unix)\("#, is_no_reference),
            judged(
                "jdbc:oracle:|sqlplus",
                r#"(?:jdbc:oracle:[a-z]+:|sqlplus[ \t]+(?:-\S+[ \t]+)*)[^\s/@:"']+/([^\s@"']+)@"#,
                is_no_reference,
            ),
            judged("(?i)identified|password", r"(?i)(?:identified\s+by|password)\s+'([^'\n]{4,})'", is_no_reference),
        ],
    ),
    placed(
        "signed-url",
        "learn.microsoft.com/rest/api/storageservices/create-service-sas, AWS Signature Version 4, Google V4 signing",
        &[shape("sig=|Signature=", "[?&](?:sig|X-Amz-Signature|X-Goog-Signature)=([A-Za-z0-9%+/_=-]{16,})")],
    ),
    placed(
        "netrc",
        "gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html",
        &[judged("(?i)login", r"(?i)login\s+\S+\s+password\s+(\S+)", is_no_reference)],
    ),
    placed(
        "pgpass",
        "postgresql.org/docs/current/libpq-pgpass.html",
        &[shape(
            r":(?:[0-9]{4,5}|\*):[A-Za-z0-9_*-]",
            r#"(?:^|[^A-Za-z0-9_.:*/-])(?:\*|localhost|[A-Za-z0-9_-]*[g-zG-Z.][A-Za-z0-9_.-]*|/[^:\s]*):(?:[0-9]{4,5}|\*):[^:\s]+:[^:\s]+:((?:[^\s"':\\]|\\.){4,})(?:[\s"']|$)"#,
        )],
    ),
    placed(
        "password-hash",
        "httpd.apache.org/docs/2.4/misc/password_encryptions.html, man 5 crypt, RFC 5803 (SCRAM)",
        &[shape(
            r"\$(?:apr1|1|2[abxy]?|5|6|7|y)\$|\$(?:argon2|pbkdf2|scrypt)|\{S?SHA|SCRAM-SHA|\*[0-9A-F]{8}",
            r"\$(?:apr1|1|5|6)\$(?:rounds=[0-9]+\$)?[A-Za-z0-9./]{1,16}\$[A-Za-z0-9./]{20,}|\$2[abxy]?\$[0-9]{2}\$[A-Za-z0-9./]{40,}|\$[7y]\$[A-Za-z0-9./]+\$[A-Za-z0-9./$]{20,}|\$(?:argon2(?:id|i|d)|pbkdf2(?:-sha[0-9]+)?|scrypt)\$[A-Za-z0-9./+=,$-]{20,}|\{S?SHA(?:256|512)?\}[A-Za-z0-9+/=]{20,}|SCRAM-SHA-(?:1|256)\$[A-Za-z0-9+/=:$]{30,}|\*[0-9A-F]{40}(?-u:\b)",
        )],
    ),
    placed(
        "jwk",
        "RFC 7517, RFC 7518 section 6",
        &[judged(r#""[dk]\\*""#, r#""[dk]\\*"\s*:\s*\\*"([A-Za-z0-9_-]{40,})"#, is_no_digest)],
    ),
];

/// Passwords on command lines, by the tool whose option it is; options that say what they are (`--password`) are read
/// with all other names.
pub(super) const COMMAND_LINES: &[Shape] = &[
    judged("curl", r#"(?i)curl[ \t][^\n]*?[ \t](?:-u|--user)[ =]?["']?[^\s:"']+:([^\s"']+)"#, is_no_reference),
    judged(
        "sshpass|redis-cli",
        r#"(?:sshpass[ \t]+-p|redis-cli[ \t][^\n]*?-a)[ \t]*["']?([^\s"']{4,})"#,
        is_no_reference,
    ),
    judged(
        "mysql|mariadb|mycli",
        r#"(?:mysql|mysqldump|mysqladmin|mysqlsh|mysqlimport|mariadb|mariadb-dump|mariadb-admin|mycli)[ \t](?:[^\n|;]*?[ \t])?-p["']?([^\s"'-][^\s"']{3,})"#,
        is_no_reference,
    ),
    judged(
        "login|mongo|cqlsh",
        r#"(?:(?:docker|podman|nerdctl|skopeo|buildah|helm|registry|oc|az|oras|auth)[ \t]+login|mongo(?:sh|dump|restore|export|import)?|cqlsh)[ \t](?:[^\n|;]*?[ \t])?-p[ \t=]+["']?([^\s"'-][^\s"']{3,})"#,
        is_no_reference,
    ),
    judged(
        "ldap[a-z]|sqlcmd|unzip|smbclient|rpcclient",
        r#"(?:ldap(?:search|add|modify|delete|whoami|passwd|compare)[ \t](?:[^\n|;]*?[ \t])?-w[ \t]*|(?:sqlcmd|unzip)[ \t](?:[^\n|;]*?[ \t])?-P[ \t]*|(?:smbclient|rpcclient)[ \t](?:[^\n|;]*?[ \t])?-U[ \t]*["']?[^\s%]+%)["']?([^\s"']{4,})"#,
        is_no_reference,
    ),
    judged(
        "htpasswd|rabbitmqctl",
        r#"(?:htpasswd[ \t]+-[A-Za-z]*b[A-Za-z]*[ \t]+(?:-\S+[ \t]+)*(?:[^\s-]\S*[ \t]+)?\S+|rabbitmqctl[ \t](?:[^\n|;]*?[ \t])?(?:add_user|change_password)[ \t]+\S+)[ \t]+["']?([^\s"'|;]{4,})"#,
        is_no_reference,
    ),
    judged(
        "chpasswd|password-stdin",
        r#"echo[ \t]+(?:-n[ \t]+)?["']?(?:[^\s:"'|]+:)?([^\s"'|]{4,})["']?[ \t]*\|[^\n|]*(?:chpasswd|--password-stdin)"#,
        is_no_reference,
    ),
    judged("pass:", r#"-pass(?:in|out)?[ \t]+["']?pass:([^\s"']{4,})"#, is_no_reference),
];

const fn placed(name: &'static str, source: &'static str, shapes: &'static [Shape]) -> Kind {
    Kind { name, source, sureness: Sureness::Place, whole: &[], shapes }
}
