//! The pages of sign-in: plain HTML forms that a browser or curl can fill in. Everything from outside is escaped.

use super::authorize::Flow;
use crate::practice::{tables, wire::Answer};

/// No script at all, and forms go to us or, by the redirect after them, to an application on this machine.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' http:; frame-ancestors 'none'; base-uri 'none'";
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:30em;margin:3em auto;padding:0 1em}\
    label{display:block;margin:.8em 0}input{display:block;width:100%;padding:.4em;font:inherit}\
    button{font:inherit;padding:.4em 1em;margin:1em .5em 0 0}.note{border-left:4px solid;padding-left:.8em}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn page(status: u16, title: &str, inside: &str) -> Answer {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><p>Guidepost practice lab: nothing here is a real tenant.</p>\
         <h1>{title}</h1>\n{inside}\n</body></html>\n"
    );
    Answer::html(status, html)
        .header("content-security-policy", POLICY)
        .header("referrer-policy", "no-referrer")
        .header("x-frame-options", "DENY")
}

fn form(flow: &Flow, action: &str, inside: &str) -> String {
    format!(
        "<form method=\"post\" action=\"/{}/{action}\"><input type=\"hidden\" name=\"flow\" value=\"{}\"><input type=\"hidden\" name=\"csrf\" value=\"{}\">{inside}</form>",
        escape(&flow.tenant),
        escape(&flow.id),
        escape(&flow.csrf),
    )
}

/// Who asks for what.
fn request(flow: &Flow) -> String {
    let line = |name: &String| {
        let about = tables::scope_of(flow.asked.resource, name).map_or("", |scope| scope.about);
        format!("<li><code>{}</code>: {}</li>", escape(name), escape(about))
    };
    let lines: String = flow.asked.wanted().iter().map(line).collect();
    format!("<p><b>{}</b> asks for:</p><ul>{lines}</ul>", escape(flow.client.name))
}

/// Account and password.
pub(super) fn log_in(flow: &Flow, wrong: Option<&str>) -> Answer {
    let wrong = wrong.map(|text| format!("<p class=\"note\" role=\"alert\">{}</p>", escape(text))).unwrap_or_default();
    let fields = format!(
        "{wrong}<label>Account <input name=\"account\" value=\"{}\" autocomplete=\"username\" autofocus></label>\
         <label>Password <input name=\"password\" type=\"password\" autocomplete=\"off\"></label>\
         <button name=\"act\" value=\"next\">Sign in</button><button name=\"act\" value=\"cancel\">Cancel</button>",
        escape(&flow.hint)
    );
    page(200, "Sign in", &format!("{}{}", request(flow), form(flow, "login", &fields)))
}

/// The code that a device shows.
pub(super) fn user_code(tenant: &str, code: &str, wrong: Option<&str>) -> Answer {
    let wrong = wrong.map(|text| format!("<p class=\"note\" role=\"alert\">{}</p>", escape(text))).unwrap_or_default();
    let inside = format!(
        "<form method=\"post\" action=\"/{}/devicelogin\">{wrong}<label>Code <input name=\"user_code\" value=\"{}\" autocomplete=\"off\" autofocus>\
         </label><button>Next</button></form><p>Only enter a code that your own device shows you.</p>",
        escape(tenant),
        escape(code)
    );
    page(200, "Enter code", &inside)
}

/// The end of a sign-in that no redirect ends.
pub(super) fn end(title: &str, text: &str) -> Answer {
    page(200, title, &format!("<p class=\"note\">{}</p>", escape(text).replace("\r\n", "<br>")))
}

/// Approve or deny.
pub(super) fn consent(flow: &Flow, account: &str) -> Answer {
    let buttons = "<button name=\"act\" value=\"approve\">Approve</button><button name=\"act\" value=\"deny\">Deny</button>";
    let inside = format!("{}<p>Signed in as {}.</p>{}", request(flow), escape(account), form(flow, "consent", buttons));
    page(200, "Permissions requested", &inside)
}

/// What was asked for is not this person's to give.
pub(super) fn needs_approval(flow: &Flow, account: &str) -> Answer {
    let buttons = "<button name=\"act\" value=\"deny\">Back to the application</button>";
    let inside = format!(
        "{}<p class=\"note\">AADSTS90094: only an administrator can give these permissions; {} is none.</p>{}",
        request(flow),
        escape(account),
        form(flow, "consent", buttons)
    );
    page(200, "Need admin approval", &inside)
}

/// An error that must not travel to the redirect.
pub(super) fn error(text: &str) -> Answer {
    page(400, "Sign-in is not possible", &format!("<p class=\"note\">{}</p>", escape(text).replace("\r\n", "<br>")))
}
