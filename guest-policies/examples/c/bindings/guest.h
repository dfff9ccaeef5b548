// What a policy in C starts from: the contract's types, as wit-bindgen writes them (policy.h), and texts.
//
// A policy lives for one call. Memory only goes up, and nothing is freed: the instance ends with the answer.
#ifndef GUEST_H
#define GUEST_H

#include "policy.h"

// T(mission) is the type of a mission, K(OPERATION_PLAN) the value of an enum.
#define T(name) quarterdeck_policy_types_##name##_t
#define K(name) QUARTERDECK_POLICY_TYPES_##name

typedef policy_string_t str;

// Room for so many bytes; the instance ends where the host gives no more.
void *take(size_t size);

// Whether two texts are the same; whether a text is this literal.
bool same(str one, str other);
bool is(str text, const char *literal);

// A literal as a text.
str text(const char *literal);

// A new text: %s stands for a str, %u for an unsigned. No other sign is known.
str print(const char *pattern, ...);

#endif
