// Stands between nginx and the VPC's resolver. nginx drops every address of an origin when DNS says once that there is no such name, and
// connects to whatever address DNS names. Here both become "the server failed", on which nginx keeps the addresses that it has.

const NO_ERROR = 0, SERVER_FAILED = 2, NO_SUCH_NAME = 3;
const HEADER = 12, FIXED_PART_OF_RECORD = 10, TYPE_A = 1, LONGEST_LABEL = 63;

function answer(session) {
    // Both are the same for every answer of this worker.
    const networks = parsed(session.variables.internal_networks);
    const trusted = session.variables.internal_names.split(' ');
    session.on('downstream', (data, flags) => {
        const wrong = reason(data, networks, trusted);
        if (wrong) {
            session.warn(`DNS: ${wrong}; the addresses known before are kept`);
            data = failed(data);
        }
        session.send(data, flags);
    });
}

// What is wrong with an answer, or an empty text. Truncated answers count as whole: the addresses that fit are enough.
function reason(data, networks, trusted) {
    if (data.length < HEADER) {
        return 'an answer without a header';
    }
    data[2] &= ~0x02;
    const code = data[3] & 0x0f;
    const question = name(data, HEADER);
    if (question === null || question.text === null) {
        return 'an answer without its question';
    }
    if (code === NO_SUCH_NAME) {
        return `${question.text} does not exist`;
    }
    if (code !== NO_ERROR || data.readUInt16BE(question.end) !== TYPE_A) {
        return '';
    }
    const addresses = addressesIn(data, question.end + 4);
    if (addresses === null) {
        return `${question.text}: an answer that ends too early`;
    }
    if (addresses.length === 0) {
        return `${question.text} has no address`;
    }
    if (trusted.includes(question.text)) {
        return '';
    }
    const internal = addresses.find(address => networks.some(network => (address & network.mask) >>> 0 === network.first));
    return internal === undefined ? '' : `${question.text} is said to be at ${dotted(internal)}, an internal address`;
}

function addressesIn(data, start) {
    const found = [];
    let at = start;
    for (let left = data.readUInt16BE(6); left > 0; left--) {
        const owner = name(data, at);
        if (owner === null || owner.end + FIXED_PART_OF_RECORD > data.length) {
            return null;
        }
        const length = data.readUInt16BE(owner.end + 8);
        at = owner.end + FIXED_PART_OF_RECORD + length;
        if (at > data.length) {
            return null;
        }
        if (data.readUInt16BE(owner.end) === TYPE_A && length === 4) {
            found.push(data.readUInt32BE(at - 4));
        }
    }
    return found;
}

// A name and where it ends. A pointer ends it; where that leads to is not asked, since only the question's name is read, which has none.
// nginx takes every length that no label has for a pointer. Read in another way, a packet could hold an address that only nginx finds.
function name(data, start) {
    const labels = [];
    for (let at = start; at < data.length; at += data[at] + 1) {
        if (data[at] === 0) {
            return end(data, labels, at + 1);
        }
        if (data[at] > LONGEST_LABEL) {
            return end(data, null, at + 2);
        }
        labels.push(data.slice(at + 1, at + 1 + data[at]).toString().toLowerCase());
    }
    return null;
}

// Type and class follow every name.
function end(data, labels, at) {
    return at + 4 <= data.length ? {text: labels && labels.join('.'), end: at} : null;
}

// The same question and no records, so that nginx believes it is the answer to what it asked.
function failed(data) {
    const reply = Buffer.from(data);
    if (reply.length >= HEADER) {
        reply[3] = (reply[3] & 0xf0) | SERVER_FAILED;
        reply.fill(0, 6, HEADER);
    }
    return reply;
}

function parsed(networks) {
    return networks.split(' ').filter(text => text).map(text => {
        const parts = text.split('/');
        const mask = (0xffffffff << (32 - Number(parts[1]))) >>> 0;
        const first = parts[0].split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
        return {mask, first};
    });
}

function dotted(address) {
    return [24, 16, 8, 0].map(shift => (address >>> shift) & 0xff).join('.');
}

export default {answer};
