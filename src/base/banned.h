/* SPDX-License-Identifier: GPL-2.0-or-later */
/* banned: functions that do not compile here, because they know no length or run a shell. Included into every file. */
#ifndef NESTFIX_BANNED_H
#define NESTFIX_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#pragma GCC poison strcpy strncpy stpcpy strcat strncat sprintf vsprintf strtok gets atoi atol
#pragma GCC poison system popen tmpnam mktemp

#endif
