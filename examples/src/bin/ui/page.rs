//! The page.

const PAGE: &str = include_str!("page.html");

const PANEL: &str = "\
<section class=\"agent\" id=\"agent-panel\"><h2>Talk to the agent</h2>\
<p>Ask by voice; the answer comes at once.</p><button type=\"button\">Start talking</button></section>";

/// The page for a visitor, with the agent's panel or without any trace of it.
pub(crate) fn render(visitor: Option<&str>, has_agent: bool) -> String {
    // The visitor's name comes last, so that nothing in it is taken for a place in the page.
    PAGE.replace("{{panel}}", if has_agent { PANEL } else { "" })
        .replace("{{visitor}}", &escaped(visitor.unwrap_or("stranger")))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_panel_leaves_no_trace() {
        assert!(render(None, true).contains("Talk to the agent"));
        let page = render(None, false);
        assert!(!page.contains("agent-panel") && !page.contains("{{"));
        assert!(page.contains("Good day, stranger"));
    }

    #[test]
    fn a_name_is_text_and_never_markup() {
        let page = render(Some("<script>{{panel}}&"), true);
        assert!(page.contains("Good day, &lt;script&gt;{{panel}}&amp;"));
    }
}
