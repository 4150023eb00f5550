// nginx writes the PROXY protocol's version 1, in text; a network load balancer writes version 2, in bytes. The header comes through here as
// the first thing that goes to the target, by itself.

const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const VERSION_2_PROXY = 0x21, TCP_OVER_IPV4 = 0x11, ADDRESSES = 12;

function version2(session) {
    session.on('upstream', (data, flags) => {
        session.off('upstream');
        session.send(header(data.toString().trimEnd().split(' ')), flags);
    });
}

// PROXY TCP4 <source> <destination> <source port> <destination port>
function header(words) {
    const reply = Buffer.alloc(SIGNATURE.length + 4 + ADDRESSES);
    SIGNATURE.copy(reply);
    reply.writeUInt8(VERSION_2_PROXY, 12);
    reply.writeUInt8(TCP_OVER_IPV4, 13);
    reply.writeUInt16BE(ADDRESSES, 14);
    `${words[2]}.${words[3]}`.split('.').forEach((part, index) => reply.writeUInt8(Number(part), 16 + index));
    reply.writeUInt16BE(Number(words[4]), 24);
    reply.writeUInt16BE(Number(words[5]), 26);
    return reply;
}

export default {version2};
