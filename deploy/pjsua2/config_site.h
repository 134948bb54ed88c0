/* Compile-time limits of the pjproject that Talkpath runs on.
 *
 * Written for a server that holds a thousand dialogs and leaves the audio to somebody else. The defaults of
 * pjproject are those of a telephone: four calls, eight accounts.
 */
#define PJ_HAS_IPV6 1

/* Calls, and what a call needs: each owns up to four sockets' worth of handles while it is set up. */
#define PJSUA_MAX_CALLS 1024
#define PJSUA_MAX_ACC 64
#define PJ_IOQUEUE_MAX_HANDLES 8192

/* A call keeps a slot of the conference bridge even when its audio is carried outside pjmedia. */
#define PJSUA_MAX_CONF_PORTS (PJSUA_MAX_CALLS + 128)

/* A transaction outlives its request by 32 s (RFC 3261, timers B, F, H, J): at 60 calls/s that is thousands. */
#define PJSIP_MAX_TSX_COUNT 65535
#define PJSIP_MAX_DIALOG_COUNT 65535

/* An INVITE with an Identity header (RFC 8224), SDES keys and a long codec list outgrows 4,000 bytes. */
#define PJSIP_MAX_PKT_LEN 8000

/* A burst of INVITEs must wait in the kernel, not be dropped (the kernel caps this at net.core.rmem_max). */
#define PJSIP_UDP_SO_RCVBUF_SIZE 4194304

/* SRTP by SDES only: the key exchange that SIP trunks use. */
#define PJMEDIA_HAS_SRTP 1
#define PJMEDIA_SRTP_HAS_SDES 1
#define PJMEDIA_SRTP_HAS_DTLS 0

#define PJMEDIA_HAS_VIDEO 0
