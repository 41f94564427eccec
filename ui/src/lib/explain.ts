// SPDX-License-Identifier: Apache-2.0
// From a rule's class and words to a plain sentence: what happened, so what, what to do.
import { has, t, tx, type Key } from './i18n';
import type { Group } from './types';

const slug = (name: string) => name.toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_|_$/g, '');

export type Kind = 'scan' | 'sqli' | 'traversal' | 'web' | 'exploit' | 'malware' | 'c2' | 'tunnel' | 'dos' | 'brute' | 'phishing' | 'targeted' | 'mining' | 'policy' | 'file' | 'privilege' | 'response' | 'other';

/** The rule's own words decide first, then its class (classification.config), as either says more than the other. */
const BY_WORDS: [RegExp, Kind][] = [
  [/sql.?injection|sqli\b|union.+select|sqlmap/i, 'sqli'],
  [/path.?traversal|directory.?traversal|\.\.\/|duyệt thư mục/i, 'traversal'],
  [/log4(shell|j)|php code|code injection|shellshock|struts|\brce\b|remote code/i, 'exploit'],
  [/host without a name.*program|windows program|executable|\.exe\b/i, 'file'],
  [/dns.?tunnel|iodine|dnscat|đường hầm/i, 'tunnel'],
  [/beacon|command.and.control|\bc2\b|cnc\b|checkin|botnet|điều khiển/i, 'c2'],
  [/brute.?force|password.?guess|too many (login|auth)|dò mật khẩu/i, 'brute'],
  [/phish|credential.?(post|theft)|giả mạo/i, 'phishing'],
  [/\bscan\b|nmap|masscan|zmap|sweep|dò quét/i, 'scan'],
  [/miner|mining|coinhive|stratum/i, 'mining'],
  [/attack_response|id check returned|in an answer|etc\/passwd|password file/i, 'response'],
  [/ransom|trojan|malware|worm\b|backdoor|webshell|eicar|mã độc/i, 'malware'],
  [/\bdos\b|ddos|flood|amplification/i, 'dos'],
];
const BY_CLASS: [RegExp, Kind][] = [
  [/network scan|information leak/i, 'scan'],
  [/web application attack|potentially vulnerable web/i, 'web'],
  [/command and control|domain observed used for c2/i, 'c2'],
  [/trojan|malware/i, 'malware'],
  [/(administrator|user) privilege gain/i, 'privilege'],
  [/executable code|exploit kit/i, 'exploit'],
  [/denial of service/i, 'dos'],
  [/attempted login|attempt to login|suspicious username|default username/i, 'brute'],
  [/social engineering|credential theft/i, 'phishing'],
  [/targeted malicious/i, 'targeted'],
  [/currency mining/i, 'mining'],
  [/privacy violation|unwanted program|external ip|inappropriate|policy/i, 'policy'],
  [/suspicious filename|suspicious string|file/i, 'file'],
  [/misc attack/i, 'exploit'],
];

/** Kinds in which the machine of the agency is the one that acts. */
const FROM_INSIDE: Kind[] = ['c2', 'malware', 'tunnel', 'mining', 'policy', 'response'];

export function kindOf(group: Pick<Group, 'signature' | 'category'>): Kind {
  return BY_WORDS.find(([words]) => words.test(group.signature))?.[1] ?? BY_CLASS.find(([words]) => words.test(group.category ?? ''))?.[1] ?? 'other';
}

export function place(group: Group): string {
  return [group.system_title, group.agency_title].filter(Boolean).join(', ');
}

/** "Cổng thông tin · cấp độ 3"; the level stays in one piece. */
export function systemText(of: { system_title?: string | null; level?: number | null }): string {
  return [of.system_title, of.level ? t('level.n', { n: of.level }).replace(/ /g, '\u00a0') : ''].filter(Boolean).join(' · ');
}

export interface Explanation { kind: Kind; what: string; so: string; steps: string[]; short: string }

export function explain(group: Group): Explanation {
  const kind = kindOf(group);
  const inside = group.side === 'src' ? group.src_ip : group.side === 'dest' ? group.dest_ip : FROM_INSIDE.includes(kind) ? group.src_ip : group.dest_ip;
  const outside = inside === group.src_ip ? group.dest_ip : group.src_ip;
  const where = place(group);
  const own = where ? t('explain.machine_of', { ip: inside, place: where }) : t('explain.machine', { ip: inside });
  // A machine of the agency that scans or attacks is another matter than one that is attacked.
  const acting = group.side === 'src' && !FROM_INSIDE.includes(kind);
  const params = { inside: own, outside, n: group.count };
  const key = (part: string) => `explain.${kind}.${part}` as Key;
  const what = acting ? t('explain.acting', { inside: own, outside, deed: t(key('deed')) }) : t(key('what'), params);
  const so = acting ? t('explain.acting_so') : t(key('so'), params);
  const verdict = group.verdict === 'success' ? ' ' + t('explain.success') : group.verdict === 'attempt' ? ' ' + t('explain.attempt') : '';
  const steps = (acting ? t('explain.acting_do') : t(key('do'), params)).split('\n').map((s) => s.trim()).filter(Boolean);
  return { kind, what: what.charAt(0).toUpperCase() + what.slice(1) + verdict, so, steps, short: t(key('short')) };
}

/** The type of incident that fits. */
export function incidentType(kind: Kind): string {
  const map: Partial<Record<Kind, string>> = {
    malware: 'malware', c2: 'malware', mining: 'malware', file: 'malware', tunnel: 'espionage', dos: 'dos', phishing: 'phishing', targeted: 'espionage',
    sqli: 'intrusion', traversal: 'intrusion', web: 'intrusion', exploit: 'intrusion', brute: 'intrusion', privilege: 'intrusion', response: 'intrusion',
  };
  return map[kind] ?? 'other_attack';
}

/** A rule by its name in the reader's language; rules of others keep the name they came with. */
export function signature(name: string): string {
  return has(`signature.${slug(name)}`) ? tx('signature', slug(name)) : name;
}

/** The class of a rule in the reader's language; rules may bring classes that no catalogue knows. */
export function category(name: string): string {
  return has(`category.${slug(name)}`) ? tx('category', slug(name)) : name;
}
