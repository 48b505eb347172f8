/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said about an expression that libpcap refuses. libpcap gives words but no place; it is
 * found by asking it again about parts of the expression.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "packets/filter_private.h"
#include "utf8.h"
#include "util.h"

#define WORDS_SIZE 256u /* PCAP_ERRBUF_SIZE */
/* What is shown of an expression at most, in bytes, and of it before the place. */
#define SHOWN 160u
#define SHOWN_BEFORE 80u
/* Expressions of more words are not searched for one: names would be looked up again and again. */
#define MAX_WORDS 256u

/*
 * libpcap says that this number is too large as soon as it reads it: so, behind the first words of
 * an expression, it tells whether these could be the beginning of a valid one.
 */
#define MARKER " 99999999999"
/* Expressions that get the words of a kind. */
#define SYNTAX_ERROR "or"
#define NEVER_TRUE "1 = 2"

struct search {
	const char *expression;
	uint16_t link_type;
	uint32_t ends[MAX_WORDS], begins[MAX_WORDS], n;
};

static int is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.:-\\/", c)) || (c & 0x80);
}

/* Length of the word or operator at @p, roughly as libpcap's scanner.l divides them. */
static uint32_t word_length(const char *p)
{
	uint32_t n = 0;

	while (is_word(p[n]))
		n++;
	if (n)
		return n;
	return p[1] && (p[1] == '=' || (p[0] == p[1] && strchr("&|<>", p[0]))) ? 2 : 1;
}

/* 0, or -E2BIG when there are too many. */
static int divide(struct search *s)
{
	const char *p = s->expression;

	while (*(p += strspn(p, " \t\r\n"))) {
		if (s->n == MAX_WORDS)
			return -E2BIG;
		s->begins[s->n] = (uint32_t)(p - s->expression);
		p += word_length(p);
		s->ends[s->n++] = (uint32_t)(p - s->expression);
	}
	return 0;
}

/* Whether libpcap says @words about the first @n words and what is put behind them. */
static int says(const struct search *s, uint32_t n, const char *behind, const char *words)
{
	_cleanup_free_ char *part = NULL;
	char said[WORDS_SIZE];

	if (asprintf(&part, "%.*s%s", n ? (int)s->ends[n - 1] : 0, s->expression, behind) < 0) {
		part = NULL;
		return 0;
	}
	return ecap_filter_words(part, s->link_type, said, sizeof(said)) == 1 &&
	       !strcmp(said, words);
}

/* The first word that cannot follow those before it; the expression's end when all could. */
static int place_of_syntax(const struct search *s)
{
	uint32_t good = 0, bad = s->n + 1;
	char marked[WORDS_SIZE];

	if (ecap_filter_words(MARKER, s->link_type, marked, sizeof(marked)) != 1 ||
	    !says(s, 0, MARKER, marked))
		return -1;
	while (bad - good > 1) {
		uint32_t middle = good + (bad - good) / 2;

		if (middle <= s->n && says(s, middle, MARKER, marked))
			good = middle;
		else
			bad = middle;
	}
	return good == s->n ? (int)strlen(s->expression) : (int)s->begins[good];
}

/* What the words quote, where it is in the expression once. */
static int place_of_quoted(const char *expression, const char *words)
{
	const char *begin = strpbrk(words, "'\""), *end = begin ? strchr(begin + 1, *begin) : NULL;
	char quoted[WORDS_SIZE];

	if (!end || end == begin + 1)
		return -1;
	snprintf(quoted, sizeof(quoted), "%.*s", (int)(end - begin - 1), begin + 1);
	const char *found = strstr(expression, quoted);

	return found && !strstr(found + 1, quoted) ? (int)(found - expression) : -1;
}

/* The last word of the shortest part from the beginning that libpcap says the same about. */
static int place_of_words(const struct search *s, const char *words)
{
	for (uint32_t n = 1; n <= s->n; n++)
		if (says(s, n, "", words))
			return (int)s->begins[n - 1];
	return -1;
}

int ecap_filter_place(const char *expression, uint16_t link_type, const char *words)
{
	struct search s = { .expression = expression, .link_type = link_type };
	struct search none = { .expression = "", .link_type = link_type };
	int place = place_of_quoted(expression, words);

	if (place >= 0 || divide(&s))
		return place;
	if (says(&none, 0, SYNTAX_ERROR, words))
		return place_of_syntax(&s);
	return says(&none, 0, NEVER_TRUE, words) ? -1 : place_of_words(&s, words);
}

int ecap_filter_refused(const char *expression, uint16_t link_type, const char *words)
{
	char said[WORDS_SIZE], shown[SHOWN + 1];

	snprintf(said, sizeof(said), "%s", words); /* libpcap may use its buffer again */
	int place = ecap_filter_place(expression, link_type, said);
	size_t len = strlen(expression), from = 0;

	if (len > SHOWN && place > (int)SHOWN_BEFORE)
		from = (size_t)place - SHOWN_BEFORE;
	snprintf(shown, sizeof(shown), "%.*s",
		 (int)ecap_utf8_cut(expression + from, len - from, SHOWN), expression + from);
	/* One line, whatever blanks there are. */
	for (char *p = shown; *p; p++)
		if (isspace((unsigned char)*p))
			*p = ' ';
	ecap_err(-EINVAL, "packet filter: %s\n    %s%s%s", said, from ? "..." : "", shown,
		 len - from > SHOWN ? "..." : "");
	if (place < 0)
		return -EINVAL;
	/* A byte is a column: nothing before the place is more than ASCII, libpcap stops there. */
	return ecap_err(-EINVAL, "%s\n    %*s^", ecap_err_text(),
			place - (int)from + (from ? 3 : 0), "");
}
