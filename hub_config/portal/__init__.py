# SPDX-License-Identifier: BSD-3-Clause
"""The course page: a service of the hub that shows each person her courses, labs, hand-ins and feedback.

It holds no power and no data of its own: everything is read from the exchange with the visitor's own token.
"""
