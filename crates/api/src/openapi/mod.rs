//! The API as an OpenAPI document: nothing in it is said twice. Fields come from the tables by which requests are read,
//! answers from the structs of the wire, problems from the error table; `operations` ties them together.

mod answers;
mod document;
mod errors;
mod examples;
mod older;
mod operation;
mod operations;
mod parameters;
mod requests;

pub(crate) use document::{Server, Version, document};

#[cfg(test)]
mod tests {
    use super::answers::Shapes;
    use super::operation::Content;
    use super::{operations, requests};

    #[test]
    fn requests_and_answers_have_names_of_their_own() {
        let mut shapes = Shapes::new();
        for content in operations::all()
            .iter()
            .flat_map(|operation| &operation.answers)
            .flat_map(|answer| &answer.content)
        {
            if let Content::Data(shape, _) | Content::List(shape, _) = content {
                shapes.of(*shape);
            }
        }
        let answers = shapes.components();
        for name in requests::components().keys() {
            assert!(!answers.contains_key(name), "{name} is a request and an answer");
        }
    }
}
