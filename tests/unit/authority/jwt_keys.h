/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of published examples as PEM: RFC 7515 A.2 (RSA) and A.3 (P-256), RFC 8037 A.1 (Ed25519);
 * and some that are to be refused.
 */
#ifndef KEYHOLE_JWT_KEYS_H
#define KEYHOLE_JWT_KEYS_H

#define RSA_PKCS8                                                                                  \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO\n"                           \
    "jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL\n"                           \
    "aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\n"                           \
    "juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5\n"                           \
    "ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf\n"                           \
    "toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\n"                           \
    "VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW\n"                           \
    "PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G\n"                           \
    "O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\n"                           \
    "kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6\n"                           \
    "XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB\n"                           \
    "4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\n"                           \
    "pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr\n"                           \
    "0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE\n"                           \
    "lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6\n"                           \
    "kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP\n"                           \
    "rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw\n"                           \
    "kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp\n"                           \
    "5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2\n"                           \
    "9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/\n"                           \
    "evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\n"                           \
    "yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj\n"                           \
    "OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2\n"                           \
    "tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3\n"                           \
    "ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56\n"                           \
    "03k2+ZQwVK0JKSHuLFkuQ3U=\n"                                                                   \
    "-----END PRIVATE KEY-----\n"

#define RSA_PKCS1                                                                                  \
    "-----BEGIN RSA PRIVATE KEY-----\n"                                                            \
    "MIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0\n"                           \
    "l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pC\n"                           \
    "gNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSX\n"                           \
    "ndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD\n"                           \
    "Zlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8\n"                           \
    "q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35S\n"                           \
    "bEUAVx8dYXUdZOlJcHtiWQ+dC6V8ljxAHj/PLyzTveyI5QO/xkObCyjIL303l2cf\n"                           \
    "UhPu2MFaJdjVzqACXuOrLot/eSFvxjvqVidTtAZExqFRJ9mylUVAoLvhowVWmC1O\n"                           \
    "n95fZCXxTUtxNEG1Xcc7m0rtzJKs45J+N/V9DP1edYH6USyPSWGp6wuA+KgHRnKK\n"                           \
    "Vf9GRx80JQY7nVNkL17eHoTWEwga+lwi0FEoW9Y7lDtWXYmKBWhUE+U8PGxlJf8f\n"                           \
    "40493HDw1WRQ/aSLoS4QTp3rn7gYgeHEvfJdkkf0UMhlknlo53M09EFPdadQ4TlU\n"                           \
    "bjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH/5IB3jw3bcxGn6QLvnE\n"                           \
    "tfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw/Py5PJdTJNPY8cQn7ouZ2KKDcmnPG\n"                           \
    "BY5t7yLc1QlQ5xHdwW1VhvKn+nXqhJTBgIPgtldC+KDV5z+y2XDwGUcCgYEAuQPE\n"                           \
    "fgmVtjL0Uyyx88GZFF1fOunH3+7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYs\n"                           \
    "p1ZSe7zFYHj7C6ul7TjeLQeZD/YwD66t62wDmpe/HlB+TnBA+njbglfIsRLtXlnD\n"                           \
    "zQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7\n"                           \
    "DOX4IKjzdahm+ctDAJN4O/y7OW5FKebvUjdAIt2GuoTZ71iTG+7F0F+lP88jtjP4\n"                           \
    "U4qe7VHoewl4MKOfXZKTe+YCS1XbNvfgwJ3Ltyl1OH9hWvu2yza7q+d5PCsDzqtm\n"                           \
    "27kxuvULVeya+TEdAB1ijQKBgQCH/3r6YrVH/uCWGy6bzV1nGNOdjKc9tmkfOJmN\n"                           \
    "54dxdixdpozCQ6U4OxZrsj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCC\n"                           \
    "Mx3bD1yPPf/6TI2XECva/ggqEY2mYzmIiA5LVVmc5nrybr+lssFKneeyxN2Wq93S\n"                           \
    "0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5XMclbrjPbEC3YI1Z\n"                           \
    "NqMtuhdBJqUnBi6tjKMF+34Xf0CUN8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE\n"                           \
    "6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5NvmUMFStCSkh7ixZLkN1\n"                                       \
    "-----END RSA PRIVATE KEY-----\n"

#define EC_PKCS8                                                                                   \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"                           \
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"                           \
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"                                   \
    "-----END PRIVATE KEY-----\n"

#define EC_SEC1                                                                                    \
    "-----BEGIN EC PARAMETERS-----\n"                                                              \
    "BggqhkjOPQMBBw==\n"                                                                           \
    "-----END EC PARAMETERS-----\n"                                                                \
    "-----BEGIN EC PRIVATE KEY-----\n"                                                             \
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"                           \
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"                           \
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"                                                       \
    "-----END EC PRIVATE KEY-----\n"

#define ED25519                                                                                    \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"                           \
    "-----END PRIVATE KEY-----\n"

#define RSA_1024                                                                                   \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBALuFymG2aOrg1Dd1\n"                           \
    "ByXm7SWIJ8oQbOpntq09apUoN9O/7OODtTrVH0xQPdM7bRLAC39t03Cx7mAlM24l\n"                           \
    "is66sm4z90DL0msPIM7utnePwB4nE2WyRKD0+UycdpWwsgDiSR8xb0ogmi7tZd7T\n"                           \
    "FlBHXkePDADTNRObtkw07P/d3Zi1AgMBAAECgYAT0UnYFbz0xZnn2nhM6yC4zLDX\n"                           \
    "y/CWvSszF8CBzuRHfor8aFjoxMkv+XLvNeKLDryoVOT5jfRRON08kL8gpd5hVMj8\n"                           \
    "yi02mBqiDO1O0HAyvc3DJCqJMvO9VUiVOjTYnNUZkSAX1x9GzYeea12NDyiwLz3L\n"                           \
    "pUeNv1/cgGdKneoBaQJBAONcUolQ5lbnbO8Ae9Ob2a1ZeDI6vfYsR3AOm5drWkLb\n"                           \
    "kwIMkUZLM41oDxoy7Xf+YmSW+wsoGGfjSzrHMI17KbsCQQDTJNC4kCCA4iV4mdPm\n"                           \
    "Ks2a5lJC/TH3JubToEnVfBFho0adLQRutRMAPmxU3qOdjxVLDvlldxlBXemIiJvk\n"                           \
    "W6hPAkB9nNQ86WVZPiMBKNNA5ioti/DMT4gEKhKN5oQv9C+6IHXn++mHXKTuyz8M\n"                           \
    "ynZIhVL3IDMyxsQ1IW6+2q4IfLNhAkEApv/YYhIE00uK7Z9lfQffxSNkbv2KFnxb\n"                           \
    "V4jQvRy7NqmIgWqItfNcCvZUgq/xYv43jj1SvpD7lbrsqgO6oVxpewJAH6PKGZm+\n"                           \
    "lylARYLZVDqAnYIk6hrpENCbSoFmmW5odEYrqg/fQYDklp1tXFWBSK2BbY5hLRl5\n"                           \
    "mAB1ZnwiDFzcig==\n"                                                                           \
    "-----END PRIVATE KEY-----\n"

#define EC_P384                                                                                    \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDA9lg9gxY8bAKa0XFo4\n"                           \
    "CNw0owww/8QPgc978CMGs5tKNm+t3Io9+Sgi9tGHvM39LV2hZANiAATisVAU4O/l\n"                           \
    "o/uKSMQ6SkB6uw774E/pMBgM3PvNmL6sIJnVoc+t8iSOMbdG4hiGBx7j0vzUmJCA\n"                           \
    "0ums5MtTkv9LR3IqWJdsYoPSelfSgJw7s+2CBWvqvbb1lmTc0dflW08=\n"                                   \
    "-----END PRIVATE KEY-----\n"

#define ENCRYPTED                                                                                  \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                                                      \
    "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBBPr+ZRrD+/M1UgU59s\n"                           \
    "eCXDAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQzL9XaL7rzqanWvV1\n"                           \
    "9qdM4wRA9L1jU7NlLkVfSjCCEgcCPxqMTBeFIDfQCsnXPEwkJwML0nBK0OEKbIuM\n"                           \
    "tUhwLTgLXk3RXw1ImcA2kfbavn+cmg==\n"                                                           \
    "-----END ENCRYPTED PRIVATE KEY-----\n"

#define PUBLIC                                                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"                               \
    "-----END PUBLIC KEY-----\n"

#endif
