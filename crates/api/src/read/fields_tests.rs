//! The field reader over right and wrong objects.

use super::*;
use oneoff_domain::OnCrash;

const KNOWN: &[Field] = &[
    Field { name: "name", allowed: "text", form: Form::Boolean },
    Field { name: "priority", allowed: "1 to 10", form: Form::Boolean },
    Field { name: "tags", allowed: "a list of texts", form: Form::Boolean },
    Field { name: "on_crash", allowed: "retry or fail", form: Form::Boolean },
    Field { name: "codes", allowed: "a list of integers, or null", form: Form::Boolean },
];

fn reader(text: &str) -> FieldReader {
    FieldReader::new(JsonObject::parse(text.as_bytes()).unwrap(), KNOWN)
}

fn errors(reader: FieldReader) -> Vec<(String, String, Option<String>)> {
    let errors = reader.finish().err().unwrap_or_default().0;
    errors.into_iter().map(|error| (error.pointer, error.message, error.hint)).collect()
}

#[test]
fn right_fields_are_read() {
    let mut reader = reader(r#"{"name":"x","PRIORITY":3,"tags":["a"],"on_crash":"fail","codes":null}"#);
    assert_eq!(reader.text("name", 5).as_deref(), Some("x"));
    assert_eq!(reader.integer("priority"), Some(3));
    assert_eq!(reader.texts("tags", 2, 2), Some(vec!["a".to_owned()]));
    assert_eq!(reader.choice("on_crash"), Some(OnCrash::Fail));
    assert_eq!(reader.nullable_integers("codes", 2), Some(None));
    assert!(reader.finish().is_ok());
}

#[test]
fn everything_wrong_is_told_at_once() {
    let mut reader =
        reader(r#"{"name":null,"priority":"3","tags":["a",1,"xxx"],"on_crash":"never","codes":[1,"2"]}"#);
    assert_eq!(reader.text("name", 5), None);
    assert_eq!(reader.integer("priority"), None);
    assert_eq!(reader.texts("tags", 3, 2), None);
    assert_eq!(reader.choice::<OnCrash>("on_crash"), None);
    assert_eq!(reader.nullable_integers("codes", 2), None);
    let told = errors(reader);
    let pointers: Vec<&str> = told.iter().map(|(pointer, ..)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/name", "/priority", "/tags/1", "/tags/2", "/on_crash", "/codes/1"]);
    assert_eq!(told[1].1, "must be an integer, not the text \"3\"");
    assert_eq!(told[1].2.as_deref(), Some("1 to 10"));
    assert_eq!(told[4].2.as_deref(), Some("retry or fail"));
}

#[test]
fn unknown_and_repeated_fields_are_errors() {
    let told = errors(reader(r#"{"prioritty":1,"zzz":2,"name":"a","Name":"b","a/b~c":0}"#));
    assert_eq!(told[0].0, "/prioritty");
    assert_eq!(told[0].2.as_deref(), Some("did you mean `priority`?"));
    assert!(told[1].2.as_deref().unwrap().contains("name, priority, tags"));
    assert_eq!(told[2], ("/Name".to_owned(), "is given more than once".to_owned(), None));
    assert_eq!(told[3].0, "/a~1b~0c");
}

#[test]
fn a_missing_field_is_told_with_what_is_allowed() {
    let mut reader = reader("{}");
    reader.require("priority");
    assert_eq!(
        errors(reader),
        [("/priority".to_owned(), "is missing".to_owned(), Some("1 to 10".to_owned()))]
    );
}
