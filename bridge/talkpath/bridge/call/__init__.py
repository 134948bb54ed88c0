"""One call: a pure state machine, the legs it joins, and the one place that performs its effects."""
