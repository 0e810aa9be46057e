/* SPDX-License-Identifier: Apache-2.0 */
/* The program's parts: each takes its own arguments and returns the exit status. */
#ifndef HG_COMMAND_H
#define HG_COMMAND_H

#define HG_EXIT_FAILED 1
#define HG_EXIT_USAGE 2
#define HG_EXIT_SIGNAL 128 /* plus the signal's number */

int hg_serve(int argc, char **argv);
int hg_push(int argc, char **argv);

/* Blocks the signals that end the program, in threads to come too; readable when one came. */
int hg_signal_fd(void);
/* Which one came. */
int hg_signal_read(int fd);

/* "hectograph-pusher: " and the line, on standard error; returns `status`. */
int hg_complain(int status, const char *error);
/* The same for a command line that is no good, with where to find help. */
int hg_complain_usage(const char *error);

#endif
