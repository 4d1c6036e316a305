//! The tests of the public interface of the domain.

#[cfg(test)]
mod chain_steps;
#[cfg(test)]
mod state_machine;
#[cfg(test)]
mod state_properties;
#[cfg(test)]
mod time_docs;
#[cfg(test)]
mod time_errors;
#[cfg(test)]
mod time_examples;
#[cfg(test)]
mod time_properties;
#[cfg(test)]
mod time_refusals;
#[cfg(test)]
mod time_zones;
#[cfg(test)]
mod values;
