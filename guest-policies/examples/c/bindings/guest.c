// Memory and texts, without a C library: clang and its linker are all that a policy in C needs.
#include "guest.h"
#include <stdarg.h>

enum { PAGE = 65536, PAGES_MIN = 4 };

static uintptr_t next, end;

static void *bump(size_t size, size_t align) {
  uintptr_t at = (next + align - 1) & -align;
  if (next == 0 || at < next || size > end - at || at > end) {
    size_t pages = size / PAGE + 2 > PAGES_MIN ? size / PAGE + 2 : PAGES_MIN;
    size_t got = __builtin_wasm_memory_grow(0, pages);
    if (got == (size_t)-1) __builtin_trap();
    // What is left of the old memory is joined to the new where the two touch.
    at = got * PAGE == end && next ? at : got * PAGE;
    end = (got + pages) * PAGE;
  }
  next = at + size;
  return (void *)at;
}

void *take(size_t size) { return bump(size, 8); }

// The host's way to our memory, for each string and each list of a situation; wit-bindgen's own is weak.
__attribute__((export_name("cabi_realloc"), used))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  void *at = bump(size, align);
  if (old_size) __builtin_memcpy(at, old, old_size < size ? old_size : size);
  return at;
}

// The functions of a C library that the generated code calls.
void *malloc(size_t size) { return take(size); }
void free(void *at) { (void)at; }
void *realloc(void *at, size_t size) { (void)at; (void)size; __builtin_trap(); }
void abort(void) { __builtin_trap(); }

void *memcpy(void *to, const void *from, size_t len) {
  for (size_t i = 0; i < len; i++) ((char *)to)[i] = ((const char *)from)[i];
  return to;
}

void *memset(void *at, int byte, size_t len) {
  for (size_t i = 0; i < len; i++) ((char *)at)[i] = (char)byte;
  return at;
}

size_t strlen(const char *at) {
  size_t len = 0;
  while (at[len]) len++;
  return len;
}

// The host embeds the contract's types itself, so there is no object file with them.
void __component_type_object_force_link_policy(void) {}

bool same(str one, str other) {
  if (one.len != other.len) return false;
  // Ids begin alike and end in a hash: the ends are looked at first.
  for (size_t i = one.len; i > 0; i--)
    if (one.ptr[i - 1] != other.ptr[i - 1]) return false;
  return true;
}

bool is(str text, const char *literal) { return same(text, (str){(uint8_t *)literal, strlen(literal)}); }

str text(const char *literal) { return (str){(uint8_t *)literal, strlen(literal)}; }

static size_t digits(unsigned number, char *into) {
  char reversed[10];
  size_t len = 0;
  do reversed[len++] = (char)('0' + number % 10);
  while (number /= 10);
  for (size_t i = 0; i < len; i++) into[i] = reversed[len - 1 - i];
  return len;
}

str print(const char *pattern, ...) {
  size_t room = strlen(pattern);
  va_list arguments;
  va_start(arguments, pattern);
  for (const char *at = pattern; *at; at++) {
    if (at[0] == '%' && at[1] == 's') room += va_arg(arguments, str).len;
    if (at[0] == '%' && at[1] == 'u') room += 10, (void)va_arg(arguments, unsigned);
  }
  va_end(arguments);
  str made = {take(room ? room : 1), 0};
  va_start(arguments, pattern);
  for (const char *at = pattern; *at; at++) {
    if (at[0] == '%' && at[1] == 's') {
      str one = va_arg(arguments, str);
      memcpy(made.ptr + made.len, one.ptr, one.len);
      made.len += one.len, at++;
    } else if (at[0] == '%' && at[1] == 'u') {
      made.len += digits(va_arg(arguments, unsigned), (char *)made.ptr + made.len), at++;
    } else {
      made.ptr[made.len++] = (uint8_t)*at;
    }
  }
  va_end(arguments);
  return made;
}
