//! Variables of the link before, and what nobody can do with them.

use super::*;
use oneoff_domain::LinkStatus;
use serde_json::json;

const JOB: &str = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";

fn after(output: &str) -> ChainPlace {
    let previous = PreviousLink {
        status: LinkStatus::Completed,
        job_id: JOB.parse().unwrap(),
        execution_id: None,
        exit_code: Some(7),
        output: output.to_owned(),
        output_truncated: false,
    };
    ChainPlace { execution_id: "c".to_owned(), link: 2, previous: Some(previous) }
}

fn rendered(config: &Value, output: &str) -> Result<Value, Vec<String>> {
    let told = |errors: Errors| errors.into_iter().map(|error| error.pointer).collect();
    render(config.as_object().unwrap(), &after(output)).map(Value::Object).map_err(told)
}

fn url(template: &str, output: &str) -> Result<String, Vec<String>> {
    rendered(&json!({ "url": template }), output).map(|config| config["url"].as_str().unwrap().to_owned())
}

#[test]
fn a_url_takes_values_as_data() {
    for (template, output, expected) in [
        ("http://a/x/{{previous.output}}", "1 2", "http://a/x/1%202"),
        (
            "http://a/x/{{ previous.output }}?c={{previous.exit_code}}",
            "ü/é",
            "http://a/x/%C3%BC%2F%C3%A9?c=7",
        ),
        ("http://a/?q={{previous.output}}", "x&admin=1#f", "http://a/?q=x%26admin%3D1%23f"),
        ("http://a/{{previous.status}}/{{previous.job_id}}", "", &format!("http://a/completed/{JOB}")),
        ("http://a/..{{previous.output}}x/b", "", "http://a/..x/b"),
        ("http://a/{{other}}/{{previous}}/{{}}", "x", "http://a/{{other}}/{{previous}}/{{}}"),
        ("http://a/{{previous.output", "x", "http://a/{{previous.output"),
        ("http://a/{{{previous.output}}", "x", "http://a/{x"),
    ] {
        assert_eq!(url(template, output).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn no_output_chooses_host_or_path() {
    for output in
        ["evil.example/", "@evil.example", "\\evil.example", "/../../admin", ":81", "?#", "\r\nX: y"]
    {
        let target = Url::parse(&url("http://a.example/p/{{previous.output}}/q", output).unwrap()).unwrap();
        assert_eq!((target.host_str(), target.port()), (Some("a.example"), None), "{output}");
        assert_eq!(target.path_segments().unwrap().count(), 3, "{output}");
        assert!(target.path().starts_with("/p/") && target.path().ends_with("/q"), "{output}");
    }
    for (template, output) in [
        ("http://a/p/{{previous.output}}/q", ".."),
        ("http://a/p/{{previous.output}}", "."),
        ("http://a/p/.{{previous.output}}/q", "."),
        ("http://a/p/%2e{{previous.output}}/q", "."),
        ("http://a/p/{{previous.output}}{{previous.output}}/q", "."),
    ] {
        assert_eq!(url(template, output), Err(vec!["/url".to_owned()]), "{template}");
    }
}

#[test]
fn a_variable_in_the_host_is_refused_when_the_config_is_accepted() {
    for template in [
        "http://{{previous.output}}/",
        "http://a.{{previous.output}}.example/",
        "http://a{{previous.output}}/x",
        "http://a:{{previous.output}}/",
        "http://a:8{{previous.output}}/",
        "http://{{previous.output}}@a/",
        "http://u:{{previous.output}}@a/",
        "{{previous.output}}://a/",
    ] {
        assert!(check(json!({ "url": template }).as_object().unwrap()).is_err(), "{template}");
    }
    let host = json!({ "url": "http://a", "headers": { "hOst": "{{previous.output}}" } });
    assert_eq!(check(host.as_object().unwrap()).unwrap_err()[0].pointer, "/headers/hOst");
    let fine = json!({ "url": "http://a/{{previous.output}}", "headers": { "X": "{{previous.output}}" } });
    assert_eq!(check(fine.as_object().unwrap()), Ok(()));
}

#[test]
fn a_header_takes_one_line() {
    let config = json!({ "url": "http://a", "headers": { "X-Sum": "v={{previous.output}}", "Y": "z" } });
    assert_eq!(rendered(&config, "a b ü").unwrap()["headers"], json!({ "X-Sum": "v=a b ü", "Y": "z" }));
    for output in ["a\r\nX-Admin: 1", "a\nb", "a\u{0}", "\u{7f}", &"x".repeat(HEADER_MAX_BYTES)] {
        assert_eq!(rendered(&config, output), Err(vec!["/headers/X-Sum".to_owned()]));
    }
}

#[test]
fn a_body_is_escaped_as_its_content_type_has_it() {
    const OUTPUT: &str = "\"}, \"admin\": <true>&\n";
    let body = |content_type: &str, body: Value| {
        let config = json!({ "url": "http://a", "headers": { "Content-Type": content_type }, "body": body });
        rendered(&config, OUTPUT).unwrap()["body"].clone()
    };
    let text = body("application/json; charset=utf-8", json!("{\"o\": \"{{previous.output}}\"}"));
    assert_eq!(serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap(), json!({ "o": OUTPUT }));
    let form = body("application/x-www-form-urlencoded", json!("a=1&o={{previous.output}}"));
    let pairs: Vec<_> = url::form_urlencoded::parse(form.as_str().unwrap().as_bytes()).into_owned().collect();
    assert_eq!(pairs, [("a".to_owned(), "1".to_owned()), ("o".to_owned(), OUTPUT.to_owned())]);
    let html = body("text/html", json!("<p>{{previous.output}}</p>"));
    assert_eq!(html, "<p>&quot;}, &quot;admin&quot;: &lt;true&gt;&amp;\n</p>");
    assert_eq!(body("text/plain", json!("{{previous.output}}!")), format!("{OUTPUT}!"));
    let object = json!({ "o": ["{{previous.output}}"], "code": "{{previous.exit_code}}", "n": 1, "{{previous.output}}": "x" });
    let expected = json!({ "o": [OUTPUT], "code": 7, "n": 1, "{{previous.output}}": "x" });
    assert_eq!(body("application/json", object), expected);
}

#[test]
fn what_there_is_not_is_empty_and_what_is_not_known_is_an_error() {
    let first = ChainPlace { previous: None, ..after("") };
    let config =
        json!({ "url": "http://a/?o={{previous.output}}", "body": { "c": "{{previous.exit_code}}" } });
    let rendered_first = render(config.as_object().unwrap(), &first).unwrap();
    assert_eq!(rendered_first["url"], "http://a/?o=");
    assert_eq!(rendered_first["body"], json!({ "c": null }));
    let wrong = json!({ "url": "http://a", "body": "{{previous.outptu}}" });
    let error = render(wrong.as_object().unwrap(), &first).unwrap_err().remove(0);
    assert!(error.hint.unwrap().contains("previous.output"));
}

#[test]
fn a_body_that_grows_too_large_is_refused() {
    let config = json!({ "url": "http://a", "body": "{{previous.output}}".repeat(40) });
    assert_eq!(rendered(&config, &"x".repeat(32 * 1024)), Err(vec!["/body".to_owned()]));
}
