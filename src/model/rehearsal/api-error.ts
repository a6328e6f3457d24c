/** An error in Anthropic's shape: status, type, message, and what some errors carry besides. */

export type ApiError = {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

export function invalid(message: string): ApiError {
  return { status: 400, type: "invalid_request_error", message };
}

export function errorBody(error: ApiError, requestId: string): string {
  const { type, message, details } = error;
  return JSON.stringify({ type: "error", error: { type, message, ...(details ? { details } : {}) }, request_id: requestId });
}
