//! A person with a browser at the certified server's pages: keeps cookies, follows redirects, presses one button. No promises.

use std::collections::HashMap;
use url::Url;

/// What the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Accepts every question.
    Accept,
    /// Says no to the first question after the sign-in began.
    Deny,
    /// Does not confirm the code.
    Abort,
}

/// One browser; its cookies end with it.
#[derive(Default)]
pub(crate) struct Person {
    cookies: HashMap<String, String>,
}

impl Person {
    /// Enters a code at its page and answers what is asked; the last page.
    pub(crate) async fn enters(&mut self, address: &Url, user_code: &str, answer: Answer) -> String {
        let (_, page) = self.follow(address.clone(), None).await;
        let form = [("xsrf", field(&page, "xsrf")), ("user_code", user_code.to_owned())];
        let (_, page) = self.follow(address.clone(), Some(&form)).await;
        let say = if answer == Answer::Abort { "abort" } else { "confirm" };
        let form = [("xsrf", field(&page, "xsrf")), ("user_code", user_code.to_owned()), (say, "yes".to_owned())];
        let (at, page) = self.follow(address.clone(), Some(&form)).await;
        self.answers(at, page, answer).await
    }

    /// Opens an address and answers what is asked; the last page, which may be that of whoever asked for the sign-in.
    pub(crate) async fn visits(&mut self, address: &Url, answer: Answer) -> String {
        let (at, page) = self.follow(address.clone(), None).await;
        self.answers(at, page, answer).await
    }

    async fn answers(&mut self, mut at: Url, mut page: String, answer: Answer) -> String {
        while at.path().starts_with("/interaction/") {
            let button = if answer == Answer::Accept { "accept" } else { "deny" };
            (at, page) = self.follow(at.clone(), Some(&[("answer", button.to_owned())])).await;
        }
        page
    }

    /// A request and all that it is redirected to: where it ended, and the page there.
    async fn follow(&mut self, mut at: Url, mut form: Option<&[(&str, String)]>) -> (Url, String) {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        for _ in 0..20 {
            let request = match form.take() {
                Some(form) => http.post(at.clone()).form(form),
                None => http.get(at.clone()),
            };
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let reply = request.header("accept", "text/html").header("cookie", cookies.join("; ")).send().await.unwrap();
            for cookie in reply.headers().get_all("set-cookie") {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            match reply.headers().get("location") {
                Some(to) => at = at.join(to.to_str().unwrap()).unwrap(),
                None => return (at, reply.text().await.unwrap()),
            }
        }
        panic!("redirected without end, at last to {at}")
    }
}

/// The value of a hidden field.
fn field(page: &str, name: &str) -> String {
    let after = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no `{name}` in {page}"));
    after.split('"').next().unwrap().to_owned()
}
