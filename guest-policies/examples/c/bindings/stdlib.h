// As much of the C library's header as the generated code names; guest.c has the functions.
#include <stddef.h>
void *malloc(size_t size);
void *realloc(void *at, size_t size);
void free(void *at);
_Noreturn void abort(void);
