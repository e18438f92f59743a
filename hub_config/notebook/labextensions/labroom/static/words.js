// SPDX-License-Identifier: BSD-3-Clause
// Every sentence the lab bar says, in both languages.
const WORDS = {
  bar: ['实验工具栏', 'Lab toolbar'],
  check: ['检查', 'Check my work'],
  handIn: ['交作业', 'Hand in'],
  close: ['关闭', 'Close'],
  again: ['再试一次', 'Try again'],
  cancel: ['先不交', 'Not yet'],
  goTo: ['去看看', 'Go to it'],
  saving: ['正在保存……', 'Saving…'],
  starting: ['正在准备，从头运行您的笔记本……', 'Getting ready to run your notebook from the top…'],
  running: ['正在运行：第 {cell} 格，共 {of} 格', 'Running: cell {cell} of {of}'],
  summary: ['检查结果：{all} 题中 {right} 题通过', 'Check results: {right} of {all} passed'],
  right: ['通过', 'Passed'],
  wrong: ['还不对', 'Not right yet'],
  error: ['代码出错', 'The code stops'],
  'not-answered': ['还没有作答', 'Not answered yet'],
  'to-be-marked': ['已作答，由老师批阅', 'Answered; a person will mark it'],
  points: ['{points} 分', '{points} points'],
  onePoint: ['1 分', '1 point'],
  line: ['第 {line} 行', 'line {line}'],
  noItems: ['这个实验没有可以自动检查的题目。', 'This lab has nothing that can be checked automatically.'],
  confirmTitle: ['交作业', 'Hand in'],
  confirmFirst: ['这是您第一次交这个实验。', 'This is your first hand-in of this lab.'],
  confirmMore: [
    '您已经交过 {count} 次。这将是第 {attempt} 次，以前的都会保留。',
    'You have handed in {count} so far. This will be attempt {attempt}; the earlier ones are kept.'
  ],
  confirmDue: ['截止时间：{due}（{left}）。', 'Due: {due} ({left}).'],
  confirmLate: [
    '截止时间 {due} 已过，这次会记为迟交。如果您按时交过，仍以截止前的最后一次为准。',
    'The due date, {due}, has passed: this will be marked late. If you handed in on time, that one still counts.'
  ],
  confirmCounts: ['截止前的最后一次提交算数。', 'The last one before the due date counts.'],
  sending: [
    '正在交作业……网络不稳时会自动重试，最多约一分钟。',
    'Handing in… If the network is shaky it retries by itself, for about a minute at most.'
  ],
  receiptTitle: ['已收到您的作业', 'Your work has arrived'],
  receiptLate: ['已收到您的作业（迟交）', 'Your work has arrived (late)'],
  attempt: ['第几次', 'Attempt'],
  time: ['服务器时间', 'Server time'],
  receipt: ['回执编号', 'Receipt'],
  sha256: ['内容校验码', 'Checksum'],
  keptAt: ['回执保存在', 'Receipt kept in'],
  receiptNote: [
    '请放心：这份回执由服务器签名，可以证明您在这个时间交了这些内容。分数和反馈会出现在课程页面上。',
    'This receipt is signed by the server and proves what you handed in, and when. Score and feedback will ' +
      'appear on the course page.'
  ],
  coursePage: ['课程页面', 'Course page'],
  failed: ['没有成功', 'That did not work'],
  failedHandIn: ['还没有交上', 'Not handed in yet'],
  notSaved: [
    '笔记本没有保存成功，所以什么也没有做。请检查网络，再试一次。',
    'The notebook could not be saved, so nothing was done. Check the network and try again.'
  ],
  noExchange: [
    '没有连接课程中心，不能交作业；检查可以用。',
    'Not connected to the course exchange: checking works, handing in does not.'
  ],
  due: ['截止 {due}（{left}）', 'Due {due} ({left})'],
  overdue: ['已于 {due} 截止，现在交会记为迟交', 'Was due {due}; handing in now is late'],
  handedIn: ['已交 {count} 次，最近一次 {time}', 'Handed in {count}, last {time}'],
  notHandedIn: ['还没有交', 'Not handed in yet'],
  pending: ['上次交作业没有完成，请再按一次“交作业”', 'Your last hand-in did not finish: press Hand in again'],
  newer: ['作者更新过这个实验；您的这份保持不变', 'The author has updated this lab; your copy is unchanged'],
  offline: ['现在连不上课程中心', 'The course exchange cannot be reached just now'],
  days: ['还有 {n} 天', '{n} days left'],
  oneDay: ['还有 1 天', '1 day left'],
  hours: ['还有 {n} 小时', '{n} hours left'],
  soon: ['不到一小时', 'less than an hour left']
};

/** Says things in one language. */
export class Speech {
  constructor(language) {
    this.language = language === 'en' ? 'en' : 'zh';
  }

  /** A sentence by name, with {places} filled in. */
  say(name, places = {}) {
    const text = WORDS[name][this.language === 'zh' ? 0 : 1];
    return text.replace(/\{(\w+)\}/g, (_, place) => places[place]);
  }

  /** A text given in both languages, or in one. */
  of(text) {
    return typeof text === 'string' || !text ? text || '' : text[this.language] || text.zh || text.en || '';
  }

  /** "twice", "3 times": for English sentences; a plain number in Chinese. */
  times(n) {
    return this.language === 'zh' ? `${n}` : n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`;
  }

  /** Date and time in the browser's own zone. */
  moment(iso, withSeconds = false) {
    const locale = this.language === 'zh' ? 'zh-CN' : 'en-GB';
    const options = { month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
    if (new Date(iso).getFullYear() !== new Date().getFullYear()) options.year = 'numeric';
    if (withSeconds) Object.assign(options, { year: 'numeric', second: '2-digit', timeZoneName: 'short' });
    return new Intl.DateTimeFormat(locale, options).format(new Date(iso));
  }

  /** How long until a moment, in words. */
  left(iso) {
    const hours = (new Date(iso) - Date.now()) / 3600e3;
    const days = Math.floor(hours / 24);
    if (days > 1) return this.say('days', { n: days });
    if (days === 1) return this.say('oneDay');
    return hours >= 1 ? this.say('hours', { n: Math.floor(hours) }) : this.say('soon');
  }
}
