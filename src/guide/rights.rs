//! Which permission a Graph request needs, by the table `assets/graph-rights.toml`. Knows no pack.

use serde::Deserialize;
use std::sync::LazyLock;

/// The table as it stands in the binary.
const TABLE: &str = include_str!("../../assets/graph-rights.toml");

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    right: Vec<Row>,
}

/// One row: requests, and the permissions of which one suffices.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    methods: Vec<String>,
    path: String,
    any: Vec<String>,
    /// Whether Graph lets applications do it, by application permissions of the same names.
    #[serde(default = "yes")]
    apps: bool,
}

fn yes() -> bool {
    true
}

/// An unreadable table is an empty one; a test reads it.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| toml::from_str::<Table>(TABLE).unwrap_or_default().right);

/// The delegated permissions of which any one suffices for a request, the least first; `None` for a request that is not in
/// the table. `path` begins with `/v1.0/` or `/beta/`; a segment that is not known yet may be any text without `/`.
#[must_use]
pub fn needed(method: &str, path: &str) -> Option<&'static [String]> {
    row(method, path).map(|row| row.any.as_slice())
}

/// Whether an application may ask this; a request that is not in the table is tried.
#[must_use]
pub fn apps_may(method: &str, path: &str) -> bool {
    let mine = path.split('/').nth(2) == Some("me");
    !mine && row(method, path).is_none_or(|row| row.apps)
}

fn row(method: &str, path: &str) -> Option<&'static Row> {
    let wanted = segments(path.strip_prefix("/v1.0").or_else(|| path.strip_prefix("/beta"))?);
    ROWS.iter().find(|row| row.methods.iter().any(|known| known == method) && fits(&row.path, &wanted))
}

/// `/directoryRoles(roleTemplateId='…')/members` and `/directoryRoles/{id}/members` are the same request.
fn segments(path: &str) -> Vec<&str> {
    path.split(['/', '(']).filter(|segment| !segment.is_empty()).map(|segment| segment.trim_end_matches(')')).collect()
}

fn fits(pattern: &str, wanted: &[&str]) -> bool {
    let pattern = segments(pattern);
    pattern.len() == wanted.len() && pattern.iter().zip(wanted).all(|(known, part)| known.starts_with('{') || known == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(method: &str, path: &str) -> Vec<&'static str> {
        needed(method, path).unwrap_or_default().iter().map(String::as_str).collect()
    }

    #[test]
    fn the_table_can_be_read_and_each_row_says_something() {
        let table: Table = toml::from_str(TABLE).unwrap();
        assert!(table.right.len() > 20);
        for row in &table.right {
            assert!(row.path.starts_with('/') && !row.any.is_empty() && !row.methods.is_empty(), "{row:?}");
            assert!(row.methods.iter().all(|method| ["GET", "POST", "PATCH", "DELETE"].contains(&method.as_str())), "{row:?}");
        }
    }

    #[test]
    fn the_least_permission_stands_first_and_writing_asks_for_more_than_reading() {
        assert_eq!(any("GET", "/v1.0/users").first(), Some(&"User.Read.All"));
        let assignments = "/v1.0/roleManagement/directory/roleAssignments";
        assert_eq!(any("GET", assignments).first(), Some(&"RoleManagement.Read.Directory"));
        assert_eq!(any("POST", assignments), ["RoleManagement.ReadWrite.Directory"]);
        assert_eq!(any("DELETE", &format!("{assignments}/{{{{ captured:assignment }}}}")), ["RoleManagement.ReadWrite.Directory"]);
    }

    #[test]
    fn what_only_persons_may_read_is_known_and_an_application_has_no_me() {
        for path in ["/v1.0/directory/onPremisesSynchronization", "/beta/users/u/authentication/operations/o", "/v1.0/me", "/v1.0/me/x"] {
            assert!(!apps_may("GET", path), "{path}");
        }
        for path in ["/v1.0/users", "/v1.0/organization", "/v1.0/unheard/of", "/v1.0/menus"] {
            assert!(apps_may("GET", path), "{path}");
        }
        assert!(!apps_may("POST", "/v1.0/users/u/authentication/methods/m/resetPassword"));
        assert!(!apps_may("PATCH", "/v1.0/directory/onPremisesSynchronization/x"));
    }

    #[test]
    fn keys_in_brackets_are_segments_and_what_is_not_in_the_table_is_unknown() {
        assert_eq!(any("GET", "/beta/directoryRoles(roleTemplateId='x')/members").first(), Some(&"RoleManagement.Read.Directory"));
        assert_eq!(needed("GET", "/v1.0/unheard/of"), None);
        assert_eq!(needed("DELETE", "/v1.0/organization"), None);
        assert_eq!(needed("GET", "/users"), None);
    }
}
