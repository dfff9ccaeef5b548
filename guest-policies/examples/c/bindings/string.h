// As much of the C library's header as the generated code names; guest.c has the functions.
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t len);
void *memset(void *at, int byte, size_t len);
size_t strlen(const char *at);
