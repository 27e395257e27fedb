/* SPDX-License-Identifier: Apache-2.0
 *
 * A client that looks at no variable and at no file but resolv.conf, linked statically: it asks for
 * an address by itself and sends a request. Usage: plain HOST PORT TOKEN
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in
resolver(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
    char text[64] = "";
    FILE *file = fopen("/etc/resolv.conf", "r");
    if (file == NULL || fscanf(file, "nameserver %63s", text) != 1 ||
        inet_pton(AF_INET, text, &at.sin_addr) != 1)
        exit(11);
    fclose(file);
    return at;
}

static struct in_addr
look_up(const char *host)
{
    unsigned char message[512] = {0, 7, 1, 0, 0, 1};
    struct sockaddr_in at = resolver();
    struct in_addr address;
    size_t n = 12;
    for (const char *label = host; *label != '\0';) {
        size_t length = strcspn(label, ".");
        message[n++] = (unsigned char)length;
        memcpy(message + n, label, length);
        n += length;
        label += length + (label[length] == '.');
    }
    memcpy(message + n, "\0\0\1\0\1", 5);
    n += 5;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        send(fd, message, n, 0) != (ssize_t)n || recv(fd, message, sizeof message, 0) < (ssize_t)n)
        exit(12);
    // One answer right behind the question: a pointer, type, class, lifetime, length, the address.
    if ((message[3] & 15) != 0 || message[7] != 1)
        exit(13);
    memcpy(&address, message + n + 12, sizeof address);
    close(fd);
    return address;
}

int
main(int argc, char **argv)
{
    char text[32768];
    if (argc != 4)
        return 2;
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)atoi(argv[2])),
                             .sin_addr = look_up(argv[1])};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        return 14;
    int n = snprintf(text, sizeof text,
                     "GET /plain HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                     "Connection: close\r\n\r\n",
                     argv[1], argv[3]);
    if (send(fd, text, (size_t)n, 0) != n)
        return 15;
    for (ssize_t part; (part = recv(fd, text, sizeof text, 0)) > 0;)
        fwrite(text, 1, (size_t)part, stdout);
    return 0;
}
