# SPDX-License-Identifier: BSD-3-Clause
"""Every refusal of the exchange: a stable code, an HTTP status, and what to say in both languages."""

from typing import Any

# code -> (status, 中文, English)
REFUSALS: dict[str, tuple[int, str, str]] = {
    "not-signed-in": (
        401,
        "没有登录，或登录已过期。请回到首页重新登录。",
        "You are not signed in, or the sign-in has expired. Go back to the start page and sign in again.",
    ),
    "no-access": (
        403,
        "这个令牌没有使用作业交换服务的权限（access:services!service=exchange）。请用自己服务器里的令牌。",
        (
            "This token may not use the exchange (it lacks access:services!service=exchange). "
            "Use the token of your own server."
        ),
    ),
    "no-groups": (
        403,
        "这个令牌不能读取自己的小组（read:users:groups!user），无法知道您的课程。请管理员补上权限。",
        (
            "This token cannot read its own groups (read:users:groups!user); your courses are unknown. "
            "Ask the operator to add the scope."
        ),
    ),
    "not-a-person": (
        403,
        "这是一个服务的令牌，不是某个人的。请用那个人的令牌。",
        "This token belongs to a service, not to a person. Use a token of the person.",
    ),
    "instructors-only": (
        403,
        "只有本课程的作者可以这样做。",
        "Only the authors of this course can do this.",
    ),
    "learners-only": (
        403,
        "您是本课程的作者，不能交作业。请用学员账号试交。",
        "You are an author of this course and cannot hand in. Try it with a learner's account.",
    ),
    "not-found": (
        404,
        "没有找到，或者不属于您。请检查课程、作业和编号。",
        "Not found, or not yours. Check the course, the assignment and the number.",
    ),
    "method-not-allowed": (405, "这个地址不支持这种操作。", "This address does not support this method."),
    "already-released": (
        409,
        "这个作业已经发布。要替换它，请加 force。",
        "This assignment is already released. To replace it, say force.",
    ),
    "key-reused": (
        409,
        "同一个 Idempotency-Key 已经用来交过别的内容。新的提交请用新的键。",
        "This Idempotency-Key was already used for other content. Use a new key for a new hand-in.",
    ),
    "too-large": (
        413,
        "内容太大，没有收下。请删去大文件后再试。",
        "This is too large and was not kept. Remove large files and try again.",
    ),
    "over-quota": (
        413,
        "您在本课程的空间已满，没有收下。以前交的都还在。请联系课程作者。",
        (
            "Your space in this course is used up; this was not kept. All earlier hand-ins are safe. "
            "Ask the course's author."
        ),
    ),
    "disk-full": (
        507,
        "服务器的磁盘已满，没有收下。请告诉管理员，然后再交一次。",
        "The server's disk is full; this was not kept. Tell the operator, then hand in again.",
    ),
    "bad-request": (422, "请求的内容不对，见 detail。", "Something in the request is not right; see detail."),
    "checksum-mismatch": (
        422,
        "收到的内容与发送的不一致（传输中损坏），没有收下。请再交一次。",
        "What arrived is not what was sent (damaged on the way); it was not kept. Hand in again.",
    ),
    "body-cut-off": (
        422,
        "连接中断，内容不完整，没有收下。请再交一次。",
        "The connection broke off and the content is incomplete; it was not kept. Hand in again.",
    ),
    "not-gzip": (422, "这不是 tar.gz 文件，或已损坏。", "This is not a tar.gz file, or it is damaged."),
    "archive-truncated": (422, "压缩包不完整。", "The archive is incomplete."),
    "archive-damaged": (422, "压缩包已损坏。", "The archive is damaged."),
    "archive-empty": (422, "压缩包里没有文件。", "There is no file in the archive."),
    "archive-link": (
        422,
        "压缩包里有链接，只收普通文件。",
        "The archive holds a link; only plain files are taken.",
    ),
    "archive-special": (
        422,
        "压缩包里有设备或其他特殊文件，只收普通文件。",
        "The archive holds a device or another special file; only plain files are taken.",
    ),
    "archive-name": (
        422,
        "压缩包里有不安全的文件名（“..”、绝对路径、反斜杠、盘符、控制字符或过长）。请改名。",
        (
            "The archive holds an unsafe file name ('..', absolute, backslash, drive, control character "
            "or too long). Rename the file."
        ),
    ),
    "archive-collision": (
        422,
        "压缩包里有两个同名的文件（不分大小写）。请给其中一个改名。",
        "Two files in the archive have the same name (upper and lower case count as the same). Rename one.",
    ),
    "archive-too-many": (422, "压缩包里文件太多。", "There are too many files in the archive."),
    "archive-bomb": (
        422,
        "压缩包解开后太大。请删去大文件后再试。",
        "The archive is too large when unpacked. Remove large files and try again.",
    ),
    "bad-lab-json": (422, "lab.json 不是有效的 JSON 对象。", "lab.json is not a valid JSON object."),
    "bad-score": (
        422,
        "反馈里缺少 score.json，或其内容不对。",
        "score.json is missing from the feedback, or what it says cannot be used.",
    ),
    "bad-date": (
        422,
        "截止时间要写明日期、时间和时区，例如 2027-08-31T23:59:59+08:00。",
        "The due date needs a date, a time and a zone, like 2027-08-31T23:59:59+08:00.",
    ),
    "internal": (
        500,
        "服务出错，没有收下任何内容。请稍后再试，并告诉管理员。",
        "The service failed and kept nothing. Try again later and tell the operator.",
    ),
    "hub-unreachable": (
        503,
        "暂时无法向主站核实身份。请稍后再试。",
        "The hub cannot be asked who you are just now. Try again in a moment.",
    ),
    # These two come from the client, when there is no answer to pass on.
    "exchange-unreachable": (
        0,
        "连不上作业交换服务。内容还在您的文件夹里，请稍后再交。",
        "The exchange cannot be reached. Your work is still in your folder; hand in again in a moment.",
    ),
    "bad-answer": (0, "作业交换服务的回答无法理解。", "The exchange's answer cannot be understood."),
    "folder-exists": (
        0,
        "目标文件夹已经存在，没有改动。",
        "The target folder already exists; nothing was changed.",
    ),
    "no-folder": (0, "没有这个文件夹。", "There is no such folder."),
}


class Refused(Exception):  # noqa: N818 - it is an answer, not a failure
    """The exchange says no; carries a code of REFUSALS and what exactly it is about."""

    def __init__(self, code: str, detail: Any = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    @property
    def status(self) -> int:
        """HTTP status of the refusal (0: said by the client itself)."""
        return REFUSALS[self.code][0]

    @property
    def message(self) -> dict[str, str]:
        """What to say, by language."""
        _, chinese, english = REFUSALS[self.code]
        return {"zh": chinese, "en": english}

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error": self.code, "message": self.message, "detail": self.detail}

    def __str__(self) -> str:
        about = f" ({self.detail})" if self.detail else ""
        return f"{self.message['zh']} {self.message['en']}{about}"
